"""A server with made-up tools, and short ways to speak to it in either era."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.exchange import answer
from mcp_gateway.protocol.host import PLAIN_TOOL, CallContext, OfferedTool
from mcp_gateway.protocol.reply import Reply

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
ORDER: dict[str, Any] = {"result": {"id": 7, "note": 'he said "5 < 6"', "city": "Zürich 🛍"}}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class FakeHost:
    """Answers each tool with the outcome it was built with, and remembers the calls."""

    outcomes: Mapping[str, ToolOutcome] = field(
        default_factory=lambda: {"get_order": ToolOutcome(ORDER), "list_orders": ToolOutcome({"result": []})}
    )
    instructions: str | None = 'Read "orders" first.'
    offered: Mapping[str, OfferedTool] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any], CallContext]] = field(default_factory=list)

    refusal: Refusal | None = None
    own_quota: Quota | None = None
    notices: Mapping[str, Any] = field(default_factory=dict)
    clients: list[object] = field(default_factory=list)

    @property
    def list_revision(self) -> str:
        return "r1"

    def list_tools_json(self) -> bytes:
        return orjson.dumps([{"name": name, "inputSchema": {"type": "object"}} for name in self.outcomes])

    def tool_names(self) -> Sequence[str]:
        return list(self.outcomes)

    def seen(self, client: object) -> None:
        self.clients.append(client)

    def find_tool(self, name: str) -> OfferedTool | None:
        return self.offered.get(name, PLAIN_TOOL) if name in self.outcomes else None

    async def admit(self) -> Refusal | None:
        return self.refusal

    def admit_at_hand(self) -> bool:
        return self.refusal is None

    def quota(self) -> Quota | None:
        return self.own_quota

    async def call_tool(self, name: str, arguments: dict[str, Any], call: CallContext) -> ToolOutcome:
        self.calls.append((name, arguments, call))
        return self.outcomes[name]


def raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def sentinel(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def request(method: str, params: Any = None, **members: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        message["params"] = params
    return {**message, **members}


def modern_request(method: str, params: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return request(method, {**(params or {}), "_meta": META}, **members)


def modern_headers(method: str, name: str | None = None, **changed: str | None) -> dict[str, str]:
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, "Mcp-Name": name}
    headers.update({key.replace("_", "-"): value for key, value in changed.items()})
    return {key: value for key, value in headers.items() if value is not None}


async def send(message: Any, headers: Mapping[str, str] | None = None, host: FakeHost | None = None) -> Reply:
    """POST a message (bytes go as they are) to a host of its own unless one is given."""
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    return await answer(raw(headers or {}), body, host or FakeHost())


async def send_modern(
    method: str, params: dict[str, Any] | None = None, host: FakeHost | None = None, **members: Any
) -> Reply:
    name = (params or {}).get("name")
    return await send(modern_request(method, params, **members), modern_headers(method, name), host)


def parsed(reply: Reply) -> Any:
    return orjson.loads(reply.body)


def error_of(reply: Reply) -> tuple[int, int]:
    """HTTP status and JSON-RPC code of a refusal."""
    return reply.status, parsed(reply)["error"]["code"]
