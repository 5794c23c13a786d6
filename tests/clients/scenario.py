"""What every client goes through, written once. A step makes its own server and its own connection."""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.state import SimulatorState
from tests.clients.driver import Answer, Driver
from tests.clients.roster import HTTP_SSE, TOLD_CREDENTIAL, TOLD_DEAD, TOLD_TOOLS, Client
from tests.clients.wire import Seen, Wire
from tests.support.catalog import EVERY_TOOL, names_of
from tests.support.gateways import Gateway, McpServer

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
TOOLS = set(EVERY_TOOL)
READ_TOOLS = set(names_of(methods=["read"]))
WAIT = 7
"""Seconds Richpanel asks for in the 429; no other number of the answer."""

STEP_SECONDS = 30
"""The longest any answer may take: the slowest clients start a Node process or two for it."""
SAW_LENGTH = 400
PROMPT_SECONDS = 15
"""The longest a refusal may take: it is no wait for anything."""
WITHOUT_OAUTH = {400, 404, 405}
"""How everything but the MCP URL answers a client that looks for OAuth, which it would prefer if it found any."""


class FindingError(Exception):
    """The client saw something else than it should."""

    def __init__(self, what: str, saw: object) -> None:
        super().__init__(f"not so: {what}; it saw: {str(saw)[:SAW_LENGTH]}")
        self.what = what


def check(what: str, *, holds: bool, saw: object) -> None:
    """Raise unless it holds."""
    if not holds:
        raise FindingError(what, saw)


@dataclass(frozen=True)
class World:
    """Everything around the clients."""

    gateway: Gateway
    simulator: SimulatorState
    wire: Wire
    opened_browser: Path
    """A file that exists once a client has tried to open a browser."""


class Run:
    """One client on its way through the steps."""

    def __init__(self, world: World, client: Client, driver: Driver, richpanel_key: str) -> None:
        self._world = world
        self._client = client
        self._driver = driver
        self._key = richpanel_key
        self.said: list[str] = []
        """What an application got to read in the present step."""

    async def list_tools(self) -> None:
        """All of the catalog, over the protocol revision that was meant."""
        async with self._connected(await self._server()):
            answer = await self._ask("list")
        check("lists every tool", holds=set(answer.tools) == TOOLS, saw=answer)
        lists = [one for one in self._world.wire.seen if one.rpc_method == "tools/list"]
        if self._client.revision == HTTP_SSE:
            # Answered on the event stream, so all that the POST itself brings is "accepted".
            on_stream = all(one.status == HTTPStatus.ACCEPTED for one in lists)
            check("lists over its event stream", holds=on_stream, saw=lists)
        else:
            versions = {one.version for one in lists}
            check(f"speaks {self._client.revision}", holds=versions == {self._client.revision}, saw=versions)

    async def read(self) -> None:
        """Two records, from one request upstream."""
        async with self._connected(await self._server()):
            await self._reads()
        check("one request upstream", holds=self._upstream() == 1, saw=self._upstream())

    async def wrong_argument(self) -> None:
        """The text names the argument, and Richpanel never hears of it."""
        async with self._connected(await self._server()):
            answer = await self._call(LIST, {"limit": 0})
        check("is told which argument", holds=answer.failed and "limit" in answer.text, saw=answer)
        check("nothing upstream", holds=self._upstream() == 0, saw=self._upstream())

    async def tool_error(self) -> None:
        """Richpanel's 404 is a failed tool, and the session goes on."""
        async with self._connected(await self._server()):
            answer = await self._call(GET, {"id": "no-such-conversation"})
            check("is told what is missing", holds=answer.failed and "not_found" in _all(answer), saw=answer)
            await self._reads()

    async def rate_limited(self) -> None:
        """Told at once how long to wait, after one request upstream; the session goes on."""
        server = await self._server()
        self._world.simulator.faults.add(ForcedAnswer(status=429, headers=(("Retry-After", str(WAIT)),), body=b"{}"))
        async with self._connected(server):
            answer = await self._call(LIST, {"limit": 2})
            told = answer.failed and re.search(rf"\b{WAIT} ?s", answer.text)
            check("is told how long to wait", holds=bool(told), saw=answer)
            check("one request upstream", holds=self._upstream() == 1, saw=self._upstream())
            await self._reads()

    async def stale_tool(self) -> None:
        """A tool that was taken away since it was listed: the answer names those that are left."""
        server = await self._server()
        async with self._connected(server):
            await self._ask("list")
            await self._change(server, "PATCH", {"config": {"methods": ["read"]}})
            answer = await self._call(TAG, {"conversation_id": "x", "tags": ["y"]})
            await self._reads()
        check("fails", holds=answer.failed, saw=answer)
        check("one request upstream", holds=self._upstream() == 1, saw=self._upstream())
        named = {name for name in READ_TOOLS if name in answer.text}
        check(TOLD_TOOLS, holds=named == READ_TOOLS, saw=answer)

    async def dead_token(self) -> None:
        """A URL that has ended: refused at once, with a reason."""
        server = await self._server()
        await self._change(server, "DELETE")
        answer = await self._refused(server)
        check(TOLD_DEAD, holds=_says_dead(answer.text), saw=answer)

    async def api_token(self) -> None:
        """The second credential: refused at once without it, let in with it."""
        server = await self._server({"require_api_token_auth": True})
        answer = await self._refused(server)
        token = await self._world.gateway.api_token(server.tenant_id)
        async with self._connected(server, {"Authorization": f"Bearer {token}"}):
            await self._reads()
        told = re.search(r"\b401\b|\bunauthori[sz]ed\b|API token", answer.text, re.IGNORECASE)
        check(TOLD_CREDENTIAL, holds=bool(told), saw=answer)

    async def revoked(self) -> None:
        """A server deleted under an open connection: the next call fails at once, with a reason."""
        server = await self._server()
        async with self._connected(server):
            await self._ask("list")
            await self._change(server, "DELETE")
            answer = await self._call(LIST, {"limit": 2}, seconds=PROMPT_SECONDS)
        check("fails", holds=answer.failed, saw=answer)
        check("nothing upstream", holds=self._upstream() == 0, saw=self._upstream())
        check(TOLD_DEAD, holds=_says_dead(answer.text), saw=answer)

    async def _server(self, config: dict[str, Any] | None = None) -> McpServer:
        """A server of its own, and a simulator and a record that start from nothing."""
        server = await self._world.gateway.server(config, api_key=self._key)
        self._world.simulator.reset(("requests", "faults"))
        self._world.wire.seen.clear()
        self.said.clear()
        return server

    async def _change(self, server: McpServer, method: str, body: Mapping[str, Any] | None = None) -> None:
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        response = await self._world.gateway.admin(method, path, body)
        assert response.status_code == 200, response.text

    @contextlib.asynccontextmanager
    async def _connected(self, server: McpServer, headers: Mapping[str, str] | None = None) -> AsyncIterator[None]:
        answer = await self._connect(server, headers or {})
        check("connects", holds=not answer.failed, saw=answer)
        try:
            yield
        finally:
            # How a session ends is no step, but the next one must find the client ready.
            await self._driver.ask("close", STEP_SECONDS)

    async def _connect(self, server: McpServer, headers: Mapping[str, str], seconds: float = STEP_SECONDS) -> Answer:
        url = server.url + self._client.url_suffix
        return await self._driver.ask("connect", seconds, url=url, headers=headers)

    async def _ask(self, op: str, seconds: float = STEP_SECONDS, **more: Any) -> Answer:
        answer = await self._driver.ask(op, seconds, **more)
        if answer.failed:
            self.said.append(answer.text)
        return answer

    async def _call(self, name: str, arguments: Mapping[str, Any], seconds: float = STEP_SECONDS) -> Answer:
        return await self._ask("call", seconds, name=name, arguments=arguments)

    async def _reads(self) -> None:
        answer = await self._call(LIST, {"limit": 2})
        records = (answer.structured or {}).get("result", [])
        check("reads two records", holds=not answer.failed and len(records) == 2, saw=answer)

    async def _refused(self, server: McpServer) -> Answer:
        """The refusal on connecting or, by clients that connect lazily, on listing; without a hunt for OAuth."""
        answer = await self._connect(server, {}, PROMPT_SECONDS)
        if not answer.failed:
            answer = await self._driver.ask("list", PROMPT_SECONDS)
            await self._driver.ask("close", STEP_SECONDS)
        check("is refused", holds=answer.failed, saw=answer)
        self.said.append(answer.text)
        lured = [str(one) for one in self._world.wire.seen if not _is_mcp(one) and one.status not in WITHOUT_OAUTH]
        check("finds no OAuth", holds=not lured, saw=lured)
        check("opens no browser", holds=not self._world.opened_browser.exists(), saw="a browser was started")
        return answer

    def _upstream(self) -> int:
        return self._world.simulator.recorder.total


Step = Callable[[Run], Awaitable[None]]
STEPS: Mapping[str, Step] = {
    "list": Run.list_tools,
    "read": Run.read,
    "argument": Run.wrong_argument,
    "error": Run.tool_error,
    "429": Run.rate_limited,
    "stale": Run.stale_tool,
    "dead": Run.dead_token,
    "401": Run.api_token,
    "revoked": Run.revoked,
}


def openings(seen: Sequence[Seen]) -> str:
    """The requests of one step, on one line, without what is secret or made up for it in their paths."""
    return re.sub(r"(?<=/message/)\w+", "{stream}", re.sub(r"rpmcp_\w+", "{token}", "; ".join(map(str, seen))))


def _all(answer: Answer) -> str:
    return f"{answer.text} {answer.structured}"


def _is_mcp(seen: Seen) -> bool:
    return seen.path.startswith("/mcp")


def _says_dead(text: str) -> bool:
    return "no MCP server at this URL" in text or "404" in text
