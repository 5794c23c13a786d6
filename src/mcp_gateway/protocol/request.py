"""One JSON-RPC request that passed the checks of its era, and the checks both eras share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from mcp_gateway.kit.trace import TraceContext
from mcp_gateway.protocol.errors import INVALID_PARAMS, ProtocolError
from mcp_gateway.protocol.headers import McpHeaders
from mcp_gateway.protocol.versions import Revision

CLIENT_KEY = "io.modelcontextprotocol/clientInfo"


class Request(NamedTuple):
    """A request with params that are an object, under the revision whose rules answer it."""

    id: str | int
    method: str
    params: dict[str, Any]
    meta: dict[str, Any]
    revision: Revision
    sent: McpHeaders
    capabilities: Mapping[str, Any] = MappingProxyType({})
    """What the client says it can do; a handshake's capabilities are not remembered, so empty without `_meta`."""

    @property
    def id_json(self) -> bytes:
        """The id as it goes back."""
        return orjson.dumps(self.id)

    @property
    def client(self) -> object:
        """Who the client says it is, as sent: `Implementation`, which a handshake names once and 2026-07-28 always."""
        return self.params.get("clientInfo") if self.method == "initialize" else self.meta.get(CLIENT_KEY)

    @property
    def trace(self) -> TraceContext | None:
        """The caller's span: from `_meta` (Overview / _meta), else from the HTTP headers."""
        named = TraceContext.parse(self.meta.get("traceparent"), self.meta.get("tracestate"))
        if named is not None or self.sent.traceparent is None:
            return named
        return TraceContext.parse(
            self.sent.traceparent.decode("latin-1"), (self.sent.tracestate or b"").decode("latin-1")
        )


def params_of(message: dict[str, Any]) -> dict[str, Any]:
    """`params` as an object; absent or null is an empty one, which some clients send for a method without any.

    Raises:
        ProtocolError: invalid params (-32602).
    """
    params = message.get("params")
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_PARAMS, '"params" must be an object.')
    return params


def meta_of(params: dict[str, Any]) -> dict[str, Any]:
    """`params._meta` as an object, empty when absent.

    Raises:
        ProtocolError: invalid params (-32602).
    """
    meta = params.get("_meta")
    if meta is None:
        return {}
    if not isinstance(meta, dict):
        raise ProtocolError(INVALID_PARAMS, '"_meta" must be an object.')
    return meta
