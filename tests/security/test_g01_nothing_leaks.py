"""G1: after calls of every kind no secret is in a log, a metric, a trace, an answer, in Redis or in Postgres."""

import asyncio
import base64
import contextlib
import io
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import httpx
import pytest
import redis.asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from mcp_gateway.services.servers import MAX_RETIRING
from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.e2e.everyday import calls
from tests.support.databases import fresh_database
from tests.support.gateways import (
    ENCRYPTION_KEYS,
    OPERATOR_KEY,
    Gateway,
    McpServer,
    Stores,
    running_gateway,
    settings_for,
)
from tests.support.logs import captured_logs
from tests.support.sse import opened

SLOW_FAULTS = {"slow", "drip", "hang", "answer"}
TELLING = ("rpmcp_", "rpat_", "rp_")
TAIL = 12
"""Of a secret: so much of its end must not be found either. The last four are shown as a hint."""
AT_ONCE = 8


@dataclass
class Told:
    """Everything that somebody but the owner of a secret may get to read."""

    answers: list[bytes] = field(default_factory=list)
    redis: list[bytes] = field(default_factory=list)
    postgres: list[bytes] = field(default_factory=list)
    metrics: bytes = b""
    traces: io.StringIO = field(default_factory=io.StringIO)
    logs: io.StringIO = field(default_factory=io.StringIO)

    def everything(self) -> Iterator[tuple[str, bytes]]:
        for place in ("answers", "redis", "postgres"):
            yield from ((place, one) for one in getattr(self, place))
        yield "metrics", self.metrics
        yield "traces", self.traces.getvalue().encode()
        yield "logs", self.logs.getvalue().encode()


class Traffic:
    """Calls of every kind, from a seed."""

    def __init__(self, gateway: Gateway, simulator: SimulatorState, told: Told) -> None:
        self._gateway = gateway
        self._simulator = simulator
        self._told = told
        self._chance = random.Random(20261125)  # noqa: S311 - the same traffic each time
        self.secrets: set[str] = {OPERATOR_KEY, ENCRYPTION_KEYS.partition(":")[2]}
        self.servers: list[McpServer] = []
        self.keys: list[str] = []
        self.statuses: dict[int, int] = {}
        self._rotations = 0

    async def prepare(self) -> None:
        for number, key in enumerate(self._simulator.keys):
            tenant = await self._gateway.tenant()
            account = await self._gateway.account(tenant, key)
            config = {"require_api_token_auth": True} if number else {}
            server = await self._gateway.server(config, tenant_id=tenant, account_id=account)
            api_token = await self._gateway.api_token(tenant)
            self.servers.append(server)
            self.keys.append(api_token)
            self.secrets |= {key, server.token, api_token}

    async def run(self, count: int) -> None:
        kinds = (self.tool_call, self.tool_call, self.faulty_call, self.mistaken, self.odd_path, self.admin, self.rest)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(kind: Callable[[], Awaitable[None]]) -> None:
            async with gate:
                with contextlib.suppress(httpx.RemoteProtocolError):
                    await kind()

        for _ in range(count // 100):
            await asyncio.gather(*(one(self._chance.choice(kinds)) for _ in range(100)))
            await self.stream()
            await self.rotation()

    # --- kinds of calls ---

    async def tool_call(self) -> None:
        number, name, arguments = self._some_call()
        await self._mcp(number, "tools/call", {"name": name, "arguments": arguments})

    async def faulty_call(self) -> None:
        kind = self._chance.choice([kind for kind in KINDS if kind not in SLOW_FAULTS])
        self._simulator.faults.add(ForcedAnswer(kind=kind, size=100_000))
        await self.tool_call()

    async def mistaken(self) -> None:
        """What people do wrong: a secret where none belongs.

        Of a form that tells what it is. Another one cannot be told from the word it was meant as, so the error repeats
        it, to its owner; docs/threat-model.md says so.
        """
        number, name, _ = self._some_call()
        secret = self._chance.choice([one for one in sorted(self.secrets) if one.startswith(TELLING)])
        await self._mcp(number, "tools/call", {"name": name, "arguments": {"id": secret, secret: secret}})
        await self._mcp(number, secret, {"name": secret})
        await self._post(f"/mcp/{secret[:-2]}", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {})
        await self._post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": secret}, {"authorization": f"Bearer {secret}"})

    async def odd_path(self) -> None:
        token = self._chance.choice(self.servers).token
        path = self._chance.choice([
            *("/mcp/{}/", "/mcp/{}/x", "//mcp/{}", "/MCP/{}", "/x/{}/y", "/%2Fmcp%2F{}", "/mcp?t={}", "/mcp/{}?a={}"),
            *("/.well-known/oauth-protected-resource/mcp/{}", "/tenant/{}", "/integrated-account/{}/mcp/{}"),
        ])  # fmt: skip
        method = self._chance.choice(["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"])
        await self._keep(await self._gateway.client.request(method, self._gateway.url + path.replace("{}", token)))

    async def admin(self) -> None:
        number = self._chance.randrange(len(self.servers))
        server, key = self.servers[number], self._chance.choice([self.keys[number], OPERATOR_KEY])
        account = f"/integrated-account/{server.account_id}"
        path = self._chance.choice([
            *("/tenant", "/api-token", "/integrated-account", account, f"{account}/mcp", f"{account}/mcp/{server.id}"),
            *("/log?log_type=mcp", "/audit-log", "/openapi.json", "/metrics", f"/tenant/{secrets.token_hex(4)}"),
        ])  # fmt: skip
        await self._keep(await self._gateway.admin("GET", path, key=key))
        token = self.keys[number]
        refused = {"name": "x", "credentials": {"api_key": key}, token: key}
        await self._keep(await self._gateway.admin("PATCH", account, refused, key=key))

    async def rest(self) -> None:
        number, name, arguments = self._some_call()
        path = f"/integrated-account/{self.servers[number].account_id}/tools/{name}"
        await self._keep(await self._gateway.admin("POST", path, arguments, key=self.keys[number]))

    async def stream(self) -> None:
        number = self._chance.randrange(len(self.servers))
        async with opened(self._gateway, self.servers[number].token, **self._second_factor(number)) as stream:
            posted = await stream.post(
                {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, via=None, **self._second_factor(number)
            )
            await self._keep(posted)
            self._told.answers.append(repr(await stream.message()).encode())

    async def rotation(self) -> None:
        """A new token, told in this one answer; the old one stays a secret."""
        number = self._chance.randrange(len(self.servers))
        server = self.servers[number]
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}/rotate"
        # A server has so many earlier tokens at a time and no more.
        overlap = 60 if self._rotations < MAX_RETIRING else 0
        self._rotations += 1
        response = await self._gateway.admin("POST", path, {"overlap_seconds": overlap}, key=OPERATOR_KEY)
        assert response.status_code == 200, response.text
        token = response.json()["token"]
        self.secrets.add(token)
        self.servers[number] = McpServer(server.id, server.account_id, server.tenant_id, token, "")

    # --- on the way ---

    def _some_call(self) -> tuple[int, str, dict[str, Any]]:
        number = self._chance.randrange(len(self.servers))
        name, arguments = self._chance.choice(list(calls(self._simulator)))
        return number, name, arguments

    def _second_factor(self, number: int) -> dict[str, str]:
        return {"x-api-token": self.keys[number]}

    async def _mcp(self, number: int, method: str, params: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        await self._post(f"/mcp/{self.servers[number].token}", message, self._second_factor(number))

    async def _post(self, path: str, message: dict[str, Any], headers: dict[str, str]) -> None:
        await self._keep(
            await self._gateway.client.post(self._gateway.url + quote(path), json=message, headers=headers)
        )

    async def _keep(self, response: httpx.Response) -> None:
        self.statuses[response.status_code] = self.statuses.get(response.status_code, 0) + 1
        lines = [f"{name}: {value}" for name, value in response.headers.items()]
        self._told.answers.append("\n".join(lines).encode() + b"\n" + response.content)


@contextlib.asynccontextmanager
async def overheard(url: str, heard: list[bytes]) -> AsyncIterator[None]:
    """All that anybody sends to Redis meanwhile, and all that it holds at the end."""
    async with redis.asyncio.from_url(url) as client, client.monitor() as monitor:

        async def listen() -> None:
            async for command in monitor.listen():
                heard.append(repr(command).encode())

        listening = asyncio.create_task(listen())
        yield
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    async with redis.asyncio.from_url(url) as client:
        heard += [repr(await client.dump(key)).encode() + key async for key in client.scan_iter()]


async def dumped(admin_url: str, database: str) -> list[bytes]:
    """Every table of the database, as a superuser sees it."""
    connection = await asyncpg.connect(admin_url, database=database)
    try:
        query = "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        found = []
        for (table,) in await connection.fetch(query):
            copy = io.BytesIO()
            await connection.copy_from_query(f"TABLE {table}", output=copy, format="binary")
            found.append(copy.getvalue())
        return found
    finally:
        await connection.close()


@contextlib.contextmanager
def traced(into: io.StringIO) -> Iterator[None]:
    """Spans of everything that makes some, as the console exporter writes them."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=into)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def spellings(secret: str) -> set[bytes]:
    """The ways in which a secret can stand somewhere and still be read."""
    plain = secret.encode()
    return {plain, plain[-TAIL:], quote(secret, safe="").encode(), plain.hex().encode(), base64.b64encode(plain)[:-4]}


@pytest.fixture
def own_stores(postgres_admin_url: str, redis_url: str) -> Iterator[Stores]:
    with fresh_database(postgres_admin_url, "leaks", redis_url) as stores:
        yield stores


async def test_no_secret_is_found_anywhere_after_calls_of_every_kind(figures, scale, own_stores, postgres_admin_url):
    n = scale(full=10_000, quick=300)
    told = Told()
    forms = ("rp_canary_{}", "{}", "sk-{}/live+=")
    keys = {form.format(secrets.token_hex(12)): "fernhollow417" for form in forms}
    simulator = SimulatorState(keys, quota=Quota(requests=10**9))
    settings = {
        "log_level": "debug",
        "log_format": "json",
        "upstream_timeout_seconds": 2,
    }
    with captured_logs() as told.logs, traced(told.traces):
        async with (
            overheard(own_stores.redis_url, told.redis),
            running(create_simulator(simulator)) as upstream,
            running_gateway(settings_for(own_stores, richpanel_url=upstream, **settings)) as gateway,
        ):
            traffic = Traffic(gateway, simulator, told)
            await traffic.prepare()
            await traffic.run(n)
            told.metrics = (await gateway.admin("GET", "/metrics", key=OPERATOR_KEY)).content
    told.postgres = await dumped(postgres_admin_url, urlsplit(own_stores.owner_url).path.lstrip("/"))
    assert {200, 404, 401, 405} <= traffic.statuses.keys(), traffic.statuses
    assert told.redis and any(len(table) > 100 for table in told.postgres)  # noqa: PT018 - one thought
    assert '"event":"tool_call.finished"' in told.logs.getvalue()
    looked_for = {spelling for secret in traffic.secrets for spelling in spellings(secret)}
    leaks = [
        (place, text[max(0, at - 120) : at + 60])
        for place, text in told.everything()
        for one in looked_for
        if (at := text.find(one)) >= 0
    ]
    assert leaks == []
    size = sum(len(text) for _, text in told.everything())
    what = f"secrets ({len(traffic.secrets)}) found in {size / 1e6:.1f} MB of logs, traces, metrics, answers and stores"
    figures.record("G1", what, measured=len(leaks), bar="0", n=sum(traffic.statuses.values()), holds=not leaks)
