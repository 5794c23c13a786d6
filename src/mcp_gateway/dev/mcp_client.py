"""A small MCP client over httpx for the demo: revision 2026-07-28, stateless, one POST for each message.

https://modelcontextprotocol.io/specification/2026-07-28 (Streamable HTTP, request metadata)
"""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from mcp_gateway.exceptions import FaultError

PROTOCOL_VERSION = "2026-07-28"
META_VERSION = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT = "io.modelcontextprotocol/clientInfo"
TIMEOUT_SECONDS = 60.0

JSON = dict[str, Any]


class MCPError(FaultError):
    """The server answered with a protocol error, or with nothing that is MCP."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What one `tools/call` came to."""

    structured: JSON
    """`{"result": …}` or `{"error": …}`."""
    is_error: bool
    milliseconds: float

    @property
    def result(self) -> Any:
        """The tool's result; None for an error."""
        return self.structured.get("result")

    @property
    def error(self) -> JSON:
        """The error object; empty for a success."""
        found = self.structured.get("error")
        return found if isinstance(found, dict) else {}


class MCPClient:
    """One MCP server behind one URL; a context manager."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url
        self._ids = itertools.count(1)
        # Loopback only: a proxy from the environment has no business here.
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport)

    def discover(self) -> JSON:
        """`server/discover`: what the server is and speaks."""
        return self.request("server/discover", {})

    def list_tools(self) -> list[JSON]:
        """`tools/list`, all pages."""
        tools: list[JSON] = []
        params: JSON = {}
        while True:
            page = self.request("tools/list", params)
            tools += page["tools"]
            if page.get("nextCursor") is None:
                return tools
            params = {"cursor": page["nextCursor"]}

    def call_tool(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """`tools/call`; a failed tool is an answer, not an exception."""
        started = time.perf_counter()
        result = self.request("tools/call", {"name": name, "arguments": dict(arguments)}, name=name)
        milliseconds = (time.perf_counter() - started) * 1000
        structured = result.get("structuredContent")
        if not isinstance(structured, dict):
            raise MCPError(f"{name} answered without structured content")
        return ToolAnswer(structured, bool(result.get("isError")), milliseconds)

    def request(self, method: str, params: Mapping[str, Any], *, name: str | None = None) -> JSON:
        """One JSON-RPC request; its result.

        Raises:
            MCPError: a protocol error, or no JSON-RPC.
        """
        meta = {META_VERSION: PROTOCOL_VERSION, META_CAPABILITIES: {}, META_CLIENT: {"name": "demo", "version": "1"}}
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": {**params, "_meta": meta}}
        headers = {
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": PROTOCOL_VERSION,
            "mcp-method": method,
        }
        if name is not None:
            headers["mcp-name"] = name
        try:
            response = self._client.post(self._url, json=body, headers=headers)
            message = response.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise MCPError(f"{method}: no answer that is MCP ({type(exc).__name__})") from exc
        return _result(method, response.status_code, message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _result(method: str, status: int, message: Any) -> JSON:
    result = message.get("result") if isinstance(message, dict) else None
    if isinstance(result, dict):
        return result
    error = message.get("error") if isinstance(message, dict) else None
    detail = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else "neither result nor error"
    raise MCPError(f"{method}: HTTP {status}, {detail}")
