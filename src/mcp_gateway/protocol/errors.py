"""JSON-RPC and MCP error codes, and the exception that carries one up the ladder of checks.

Source: JSON-RPC 2.0 §5.1; MCP 2026-07-28, Overview / Error Codes.
"""

from typing import Any

from mcp_gateway.kit.redact import redact

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_PROTOCOL_VERSION = -32022
LIMITED = -31_429
"""Our own, outside the ranges that JSON-RPC and MCP keep for themselves: a limit of the gateway's was reached."""


class ProtocolError(Exception):
    """A message that breaks a rule of JSON-RPC or MCP; becomes a JSON-RPC error, never leaves this package."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def shown(text: str, limit: int = 64) -> str:
    """A caller's own word, without what looks like a secret, and cut short: its size is not the caller's choice."""
    text = redact(text)
    return text if len(text) <= limit else text[:limit] + "…"
