"""The MCP request headers: collected in one pass, and compared as the specification says.

Source: MCP 2026-07-28, Streamable HTTP / Request Metadata.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

RawHeaders = Sequence[tuple[bytes, bytes]]
"""As in an ASGI scope: names in lower case, repeated headers repeated."""

PARAM_PREFIX = b"mcp-param-"
_VERSION, _METHOD, _NAME = b"mcp-protocol-version", b"mcp-method", b"mcp-name"
_TRACEPARENT, _TRACESTATE = b"traceparent", b"tracestate"
_WATCHED = frozenset({_VERSION, _METHOD, _NAME, _TRACEPARENT, _TRACESTATE})
_ONCE = (_VERSION, _METHOD, _NAME)
_OWS = b" \t"
_LEGAL = re.compile(rb"[\t\x20-\x7e]*")  # Value Encoding; anything else has to come as base64
_SHORT = 128
_SENTINEL_OPEN, _SENTINEL_CLOSE = "=?base64?", "?="
_NONE: Mapping[bytes, tuple[bytes, ...]] = MappingProxyType({})


class McpHeaders(NamedTuple):
    """The headers that say something about a message; None where absent."""

    version: bytes | None = None
    method: bytes | None = None
    name: bytes | None = None
    repeated: bool = False
    """True when one of the three came more than once; its values are then joined, so that they equal nothing."""
    params: Mapping[bytes, tuple[bytes, ...]] = _NONE
    """`Mcp-Param-*` by whole name, each with all its values."""
    traceparent: bytes | None = None
    tracestate: bytes | None = None


NO_HEADERS = McpHeaders()


def collect(headers: RawHeaders) -> McpHeaders:
    """The MCP headers of a request, optional whitespace stripped (httptools leaves it at the end)."""
    sent = dict(headers)
    if len(sent) == len(headers) and PARAM_PREFIX not in b"\n".join(sent):
        # None came twice and none mirrors an argument, as nearly always.
        return McpHeaders(
            version=_stripped(sent, _VERSION),
            method=_stripped(sent, _METHOD),
            name=_stripped(sent, _NAME),
            traceparent=_stripped(sent, _TRACEPARENT),
            tracestate=_stripped(sent, _TRACESTATE),
        )
    return _collect_one_by_one(headers)


def _stripped(sent: Mapping[bytes, bytes], name: bytes) -> bytes | None:
    value = sent.get(name)
    return None if value is None else value.strip(_OWS)


def _collect_one_by_one(headers: RawHeaders) -> McpHeaders:
    found: dict[bytes, bytes] = {}
    params: dict[bytes, tuple[bytes, ...]] = {}
    repeated = False
    for name, value in headers:
        if name in _WATCHED:
            if name in found:
                repeated = repeated or name in _ONCE
                found[name] += b", " + value.strip(_OWS)
            else:
                found[name] = value.strip(_OWS)
        elif name.startswith(PARAM_PREFIX):
            params[name] = (*params.get(name, ()), value.strip(_OWS))
    return McpHeaders(
        version=found.get(_VERSION),
        method=found.get(_METHOD),
        name=found.get(_NAME),
        repeated=repeated,
        params=params,
        traceparent=found.get(_TRACEPARENT),
        tracestate=found.get(_TRACESTATE),
    )


def decoded(value: bytes) -> str | None:
    """A header value as text, its base64 sentinel `=?base64?…?=` resolved; None when it is no such text.

    Only canonical base64 of valid UTF-8 counts (Value Encoding): two spellings of one name would let a proxy that
    compares headers see something other than we do.
    """
    return _decoded_short(value) if len(value) <= _SHORT else _decoded(value)


def _decoded(value: bytes) -> str | None:
    if not _LEGAL.fullmatch(value):
        return None
    text = value.decode("ascii")
    if not (text.startswith(_SENTINEL_OPEN) and text.endswith(_SENTINEL_CLOSE)):
        return text
    payload = text[len(_SENTINEL_OPEN) : -len(_SENTINEL_CLOSE)]
    try:
        raw = base64.b64decode(payload)
        return raw.decode() if base64.b64encode(raw).decode() == payload else None
    except (binascii.Error, ValueError):
        return None


_decoded_short = lru_cache(maxsize=1024)(_decoded)
"""Versions, methods and tool names come again and again."""
