"""Who is measured: how each is started, and what a request to it looks like."""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from bench.peers.processes import LOAD_CORE, MEASURED_CORE, ready_url, running
from bench.peers.spec import TICKET_TOOL, document
from tests.support.asgi import loopback_listener
from tests.toolchain.pythons import python_with

from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey, create_database

HERE = Path(__file__).parent
START_SECONDS = 120
LEGACY, MODERN = "2025-11-25", "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}


@dataclass
class Target:
    """One peer that runs."""

    pid: int
    host: str
    port: int
    requests: dict[str, list[bytes]]
    """Scenario to the requests sent in rotation."""
    marks: dict[str, str]
    """Scenario to what every answer holds."""


@dataclass(frozen=True)
class Peer:
    """One peer, and the way to have it running."""

    name: str
    start: Callable[["Bench"], contextlib.AbstractContextManager[Target]]
    scenarios: tuple[str, ...] = ("call", "list", "initialize")
    is_older: bool = False
    """A release that others were measured against before; left out where time is short."""


@dataclass
class Bench:
    """What the peers share."""

    upstream: str
    directory: Path
    servers: int = 1
    """MCP servers provisioned on the gateway; calls go round all of them."""
    settings: dict[str, str] = field(default_factory=dict)
    """More of the gateway's environment."""
    workers: int = 1

    @property
    def log(self) -> Path:
        return self.directory / "processes.log"


# --- requests ----------------------------------------------------------------


def http_request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def mcp_request(path: str, era: str, method: str, params: dict[str, Any]) -> bytes:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if method != "initialize":
        headers["mcp-protocol-version"] = era
    if era == MODERN:
        params = {**params, "_meta": META}
        headers["mcp-method"] = method
        if "name" in params:
            headers["mcp-name"] = params["name"]
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
    return http_request("POST", path, headers, body)


def mcp_requests(paths: list[str], era: str) -> dict[str, list[bytes]]:
    call = {"name": TICKET_TOOL, "arguments": {"id": "T-42"}}
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    return {
        "call": [mcp_request(path, era, "tools/call", call) for path in paths],
        "list": [mcp_request(path, era, "tools/list", {}) for path in paths],
        "initialize": [mcp_request(path, LEGACY, "initialize", hello) for path in paths],
    }


MARKS = {"call": "Where is my order #1042?", "list": f'"name":"{TICKET_TOOL}"', "initialize": '"serverInfo"'}


def free_port() -> int:
    with loopback_listener() as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_answer(url: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, timeout=1)
            return
        # The peers are other people's programs: none tells when it is ready.
        time.sleep(0.01)
    raise SystemExit(f"{url} does not answer")


# --- the floor ---------------------------------------------------------------


def floor(client: str) -> Callable[[Bench], contextlib.AbstractContextManager[Target]]:
    @contextlib.contextmanager
    def start(bench: Bench) -> Iterator[Target]:
        port = free_port()
        environment = {"UPSTREAM": bench.upstream, "PORT": str(port), "CLIENT": client}
        command = [sys.executable, str(HERE / "floor.py")]
        with running(command, MEASURED_CORE, environment, bench.log) as process:
            wait_for_answer(f"http://127.0.0.1:{port}/tickets/T-1", process)
            requests = {"call": [http_request("GET", "/tickets/T-42", {}, b"")]}
            yield Target(process.pid, "127.0.0.1", port, requests, MARKS)

    return start


@contextlib.contextmanager
def stub_itself(bench: Bench) -> Iterator[Target]:
    """No peer at all: the stub asked directly."""
    url = httpx.URL(bench.upstream)
    requests = {"call": [http_request("GET", "/tickets/T-42", {}, b"")]}
    yield Target(os.getpid(), str(url.host), int(url.port or 80), requests, MARKS)


# --- FastMCP -----------------------------------------------------------------


def fastmcp(era: str, lock: str = "fastmcp.lock") -> Callable[[Bench], contextlib.AbstractContextManager[Target]]:
    @contextlib.contextmanager
    def start(bench: Bench) -> Iterator[Target]:
        port = free_port()
        spec = bench.directory / "spec.json"
        spec.write_text(json.dumps(document(bench.upstream)))
        environment = {"UPSTREAM": bench.upstream, "PORT": str(port), "SPEC": str(spec)}
        command = [str(python_with(HERE / lock)), str(HERE / "fastmcp_server.py")]
        with running(command, MEASURED_CORE, environment, bench.log) as process:
            wait_for_answer(f"http://127.0.0.1:{port}/mcp", process)
            yield Target(process.pid, "127.0.0.1", port, mcp_requests(["/mcp"], era), MARKS)

    return start


# --- the gateway -------------------------------------------------------------


@contextlib.contextmanager
def stores(directory: Path, *, core: int | None = LOAD_CORE) -> Iterator[dict[str, str]]:
    """The settings that lead to stores of its own, on the load's core or, with None, on any."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, mine if core is None else {core})
    try:
        with contextlib.ExitStack() as stack:
            postgres = stack.enter_context(EmbeddedPostgres(directory / "postgres", durable=False))
            redis = stack.enter_context(EmbeddedValkey(directory / "valkey", persistence="none"))
            os.sched_setaffinity(0, mine)
            urls = create_database(postgres.url, "bench", "bench_app", secrets.token_hex(16))
            yield {
                "GATEWAY_DATABASE_URL": urls.app,
                "GATEWAY_MIGRATION_DATABASE_URL": urls.owner,
                "GATEWAY_REDIS_URL": redis.url,
                "GATEWAY_ENCRYPTION_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
                "GATEWAY_OPERATOR_KEY": secrets.token_hex(32),
                "GATEWAY_PUBLIC_URL": "http://127.0.0.1",
                "GATEWAY_ALLOW_PRIVATE_UPSTREAM": "true",
            }
    finally:
        os.sched_setaffinity(0, mine)


def provisioned(url: str, key: str, servers: int) -> list[str]:
    """Paths of as many MCP servers, each created with `{}`, of one account."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60) as client:

        def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
            return answer

        tenant = made("/tenant", {"name": "bench"})["id"]
        credentials = {"api_key": "rp_bench_" + secrets.token_hex(8)}
        account = {"integration": "richpanel", "name": "b", "tenant_id": tenant, "credentials": credentials}
        path = f"/integrated-account/{made('/integrated-account', account)['id']}/mcp"
        return [f"/mcp/{made(path, {'name': 's', 'config': {}})['token']}" for _ in range(servers)]


async def provisioned_by(app: Any, key: str) -> str:
    """The path of one MCP server of an application in this process, created with `{}`."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1", headers=headers
    ) as client:

        async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = (await client.post(path, json=body)).raise_for_status().json()
            return answer

        tenant = (await made("/tenant", {"name": "bench"}))["id"]
        credentials = {"api_key": "rp_bench_" + secrets.token_hex(8)}
        account = {"integration": "richpanel", "name": "b", "tenant_id": tenant, "credentials": credentials}
        path = f"/integrated-account/{(await made('/integrated-account', account))['id']}/mcp"
        return f"/mcp/{(await made(path, {'name': 's', 'config': {}}))['token']}"


PROGRAM = (sys.executable, "-m", "mcp_gateway.cli")


def migrate(environment: dict[str, str]) -> None:
    subprocess.run([*PROGRAM, "migrate"], env={**os.environ, **environment}, check=True, capture_output=True)


@contextlib.contextmanager
def serving(
    environment: dict[str, str], log: Path, *, workers: int = 1, core: int | None = MEASURED_CORE
) -> Iterator[tuple[int, str]]:
    """The gateway on migrated stores: its process id and its URL."""
    command = [*PROGRAM, "serve", "--port", "0", "--workers", str(workers)]
    with running(command, core, environment, log) as process:
        yield process.pid, ready_url(process)


def gateway(era: str) -> Callable[[Bench], contextlib.AbstractContextManager[Target]]:
    @contextlib.contextmanager
    def start(bench: Bench) -> Iterator[Target]:
        with tempfile.TemporaryDirectory(dir=bench.directory) as place, stores(Path(place)) as environment:
            environment |= {"GATEWAY_RICHPANEL_URL": bench.upstream, **bench.settings}
            migrate(environment)
            with serving(environment, bench.log, workers=bench.workers) as (pid, url):
                paths = provisioned(url, environment["GATEWAY_OPERATOR_KEY"], bench.servers)
                yield gateway_target(pid, url, paths, era)

    return start


def gateway_target(pid: int, url: str, paths: list[str], era: str) -> Target:
    return Target(pid, "127.0.0.1", int(url.rpartition(":")[2]), mcp_requests(paths, era), MARKS)


PEERS = (
    Peer("the stub, asked directly", stub_itself, ("call",)),
    Peer("floor, our client", floor("ours"), ("call",)),
    Peer("floor, pyqwest", floor("pyqwest"), ("call",)),
    Peer("floor, raw protocol", floor("raw"), ("call",)),
    Peer(f"gateway, {MODERN}", gateway(MODERN)),
    Peer(f"gateway, {LEGACY}", gateway(LEGACY)),
    Peer(f"FastMCP 4.2.3, {MODERN}", fastmcp(MODERN)),
    Peer(f"FastMCP 4.2.3, {LEGACY}", fastmcp(LEGACY)),
    Peer(f"FastMCP 4.1.2, {MODERN}", fastmcp(MODERN, "fastmcp-4.1.lock"), is_older=True),
    Peer(f"FastMCP 4.1.2, {LEGACY}", fastmcp(LEGACY, "fastmcp-4.1.lock"), is_older=True),
)
