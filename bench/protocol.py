"""CPU of the protocol layer per exchange, without a tool, a socket or a store: python bench/protocol.py"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conformance.fixtures import FixtureHost

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.exchange import answer
from mcp_gateway.protocol.host import PLAIN_TOOL, CallContext, OfferedTool

ROUNDS, CALLS = 7, 3000
TOOLS = load_catalog().integrations["richpanel"].tools
LIST = orjson.dumps([tool.definition for tool in TOOLS])
NAMES = tuple(tool.name for tool in TOOLS)
OUTCOME = ToolOutcome(structured={"result": {"id": "c1", "subject": "Where is my parcel?", "status": "OPEN"}})
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Host(FixtureHost):
    """Answers without doing anything."""

    def list_tools_json(self) -> bytes:
        return LIST

    def tool_names(self) -> Sequence[str]:
        return NAMES

    def find_tool(self, name: str) -> OfferedTool | None:
        return PLAIN_TOOL if name in NAMES else None

    async def call_tool(self, _name: str, _arguments: dict[str, Any], _call: CallContext) -> ToolOutcome:
        return OUTCOME


def message(method: str, params: dict[str, Any], *, modern: bool) -> bytes:
    if modern:
        params = {**params, "_meta": META}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def headers(method: str, params: dict[str, Any], *, modern: bool) -> list[tuple[bytes, bytes]]:
    sent = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
    if modern:
        sent += [(b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", method.encode())]
        if "name" in params:
            sent.append((b"mcp-name", params["name"].encode()))
    return sent


async def microseconds(sent: list[tuple[bytes, bytes]], body: bytes) -> float:
    best = float("inf")
    reply = await answer(sent, body, Host())
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            reply = await answer(sent, body, Host())
        best = min(best, (time.process_time() - started) / CALLS * 1e6)
    # A refusal is quicker than an answer and must not be taken for one.
    assert b'"result"' in reply.body, reply
    return best


async def main() -> None:
    call = {"name": NAMES[0], "arguments": {"id": "c1"}}
    for era in ("2026-07-28", "initialize era"):
        for method, params in (("tools/call", call), ("tools/list", {})):
            modern = era == "2026-07-28"
            cost = await microseconds(headers(method, params, modern=modern), message(method, params, modern=modern))
            print(f"{era:15} {method:11} {cost:6.1f} µs CPU")


asyncio.run(main())
