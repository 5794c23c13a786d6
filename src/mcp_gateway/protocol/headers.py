"""The MCP request headers: collected in one pass, and compared as the specification says.

Source: MCP 2026-07-28, Streamable HTTP / Request Metadata.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import NamedTuple

RawHeaders = Iterable[tuple[bytes, bytes]]
"""As in an ASGI scope: names in lower case, repeated headers repeated."""

_VERSION, _METHOD, _NAME = b"mcp-protocol-version", b"mcp-method", b"mcp-name"
_WATCHED = frozenset({_VERSION, _METHOD, _NAME})
_OWS = b" \t"
_SENTINEL_OPEN, _SENTINEL_CLOSE = "=?base64?", "?="


class McpHeaders(NamedTuple):
    """The three headers that route a message; None where absent."""

    version: bytes | None
    method: bytes | None
    name: bytes | None
    repeated: bool
    """True when one of them came more than once; its values are then joined, so that they equal nothing."""


NO_HEADERS = McpHeaders(None, None, None, repeated=False)


def collect(headers: RawHeaders) -> McpHeaders:
    """The MCP headers of a request, optional whitespace stripped (httptools leaves it at the end)."""
    found: dict[bytes, bytes] = {}
    repeated = False
    for name, value in headers:
        if name in _WATCHED:
            if name in found:
                repeated = True
                found[name] += b", " + value.strip(_OWS)
            else:
                found[name] = value.strip(_OWS)
    return McpHeaders(found.get(_VERSION), found.get(_METHOD), found.get(_NAME), repeated)


def decoded(value: bytes) -> str | None:
    """A header value as text, its base64 sentinel `=?base64?…?=` resolved; None when that cannot be decoded.

    Only canonical base64 of valid UTF-8 counts (Value Encoding): two spellings of one name would let a proxy that
    compares headers see something other than we do.
    """
    text = value.decode("latin-1")
    if not (text.startswith(_SENTINEL_OPEN) and text.endswith(_SENTINEL_CLOSE)):
        return text
    payload = text[len(_SENTINEL_OPEN) : -len(_SENTINEL_CLOSE)]
    try:
        raw = base64.b64decode(payload)
        return raw.decode() if base64.b64encode(raw).decode() == payload else None
    except (binascii.Error, ValueError):
        return None
