"""The handshake era (2024-11-05 to 2025-11-25), served without sessions: `initialize` and `ping`.

Nothing is remembered between requests: `initialize` agrees on a version, and each later request is read by its header,
or without one. That is legal, since a server need not issue a session id (2025-11-25, Session Management), and it lets
any replica answer.
"""

from functools import lru_cache
from typing import Any

import orjson

from mcp_gateway.protocol.errors import INVALID_PARAMS, ProtocolError
from mcp_gateway.protocol.headers import McpHeaders
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.reply import Reply, result_reply
from mcp_gateway.protocol.request import Request, meta_of, params_of
from mcp_gateway.protocol.results import MAX_PREPARED, server_info_json, stamp
from mcp_gateway.protocol.versions import HANDSHAKE_VERSIONS, Revision, negotiate


def read(message: dict[str, Any], sent: McpHeaders, revision: Revision) -> Request:
    """The request.

    Raises:
        ProtocolError: invalid params (-32602).
    """
    params = params_of(message)
    return Request(message["id"], message["method"], params, meta_of(params), revision, sent)


def initialize(request: Request, host: Host) -> Reply:
    """`initialize`: the version asked for where it is spoken, else the newest (Lifecycle / Version Negotiation).

    Raises:
        ProtocolError: invalid params (-32602) when no version is asked for.
    """
    requested = request.params.get("protocolVersion")
    if not isinstance(requested, str):
        raise ProtocolError(INVALID_PARAMS, '"protocolVersion" must be a string.', {"supported": HANDSHAKE_VERSIONS})
    result = _handshake(negotiate(requested), host.instructions) + stamp(host.notices, request.revision) + b"}"
    return result_reply(request.id_json, result)


@lru_cache(maxsize=MAX_PREPARED)
def _handshake(agreed: str, instructions: str | None) -> bytes:
    result = b'{"protocolVersion":"%b","capabilities":{"tools":{}},"serverInfo":%b' % (
        agreed.encode(),
        server_info_json(),
    )
    return result + b',"instructions":' + orjson.dumps(instructions) if instructions else result


def ping(request: Request, _host: Host) -> Reply:
    """`ping`: an empty result, which Gemini CLI waits for."""
    return result_reply(request.id_json, b"{}")
