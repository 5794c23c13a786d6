"""The stateless era (2026-07-28): what a request must say about itself, and `server/discover`.

Source: MCP 2026-07-28, Streamable HTTP / Request Metadata and Server Validation; Overview / _meta; Discovery.
"""

from functools import lru_cache
from typing import Any

import orjson

from mcp_gateway.protocol.errors import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_PROTOCOL_VERSION,
    ProtocolError,
    shown,
)
from mcp_gateway.protocol.headers import McpHeaders, decoded
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.reply import Reply, result_reply
from mcp_gateway.protocol.request import Request, meta_of, params_of
from mcp_gateway.protocol.results import MAX_PREPARED, cached_stamp
from mcp_gateway.protocol.versions import BY_NAME, HANDSHAKE_VERSIONS, STATELESS_VERSIONS, Revision

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


def names_a_version(message: dict[str, Any]) -> bool:
    """Whether the body says in `_meta`, as only this era does, which version it speaks."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and VERSION_KEY in meta


def read(message: dict[str, Any], sent: McpHeaders) -> Request:
    """The request, once its `_meta` is complete, its headers say the same, and its version is spoken here.

    Raises:
        ProtocolError: -32602, -32020 or -32022, in this order.
    """
    params = params_of(message)
    meta = meta_of(params)
    version, capabilities = meta.get(VERSION_KEY), meta.get(_CAPABILITIES_KEY)
    if not isinstance(version, str) or not isinstance(capabilities, dict):
        raise ProtocolError(
            INVALID_PARAMS,
            f'params._meta must hold "{VERSION_KEY}" (a string) and "{_CAPABILITIES_KEY}" (an object); '
            f"this server speaks {', '.join(STATELESS_VERSIONS)} this way and {', '.join(HANDSHAKE_VERSIONS)} "
            "by initialize.",
        )
    method: str = message["method"]
    _check_headers(sent, version, method, params)
    return Request(message["id"], method, params, meta, _spoken(version), sent, capabilities)


def discover(request: Request, host: Host) -> Reply:
    """`server/discover`: stateless versions only, for ChatGPT compares the list with the one it speaks."""
    result = _discovery(host.instructions) + cached_stamp(host.notices, request.revision) + b"}"
    return result_reply(request.id_json, result)


@lru_cache(maxsize=MAX_PREPARED)
def _discovery(instructions: str | None) -> bytes:
    result = b'{"supportedVersions":%b,"capabilities":{"tools":{}}' % orjson.dumps(STATELESS_VERSIONS)
    return result + b',"instructions":' + orjson.dumps(instructions) if instructions else result


def _check_headers(sent: McpHeaders, version: str, method: str, params: dict[str, Any]) -> None:
    if sent.repeated:
        raise ProtocolError(HEADER_MISMATCH, "An Mcp-* header was sent more than once.")
    _check_header("MCP-Protocol-Version", sent.version, version)
    _check_header("Mcp-Method", sent.method, method)
    name = params.get("name")
    # A name that is no string has nothing to compare with; the call itself refuses it.
    if method == "tools/call" and isinstance(name, str):
        _check_header("Mcp-Name", sent.name, name, encodable=True)


def _check_header(header: str, value: bytes | None, expected: str, *, encodable: bool = False) -> None:
    if value is None:
        raise ProtocolError(HEADER_MISMATCH, f"The {header} header is missing.")
    # Nearly always: printable ASCII, which stands for itself unless it looks like base64.
    if expected.isascii() and expected.isprintable() and expected[:2] != "=?" and value == expected.encode():
        return
    text = decoded(value) if encodable else value.decode("latin-1")
    if text is None:
        raise ProtocolError(HEADER_MISMATCH, f"The {header} header is neither plain ASCII nor base64 of UTF-8.")
    if text != expected:
        raise ProtocolError(
            HEADER_MISMATCH, f'The {header} header says "{shown(text)}", the body says "{shown(expected)}".'
        )


def _spoken(version: str) -> Revision:
    if version not in STATELESS_VERSIONS:
        raise ProtocolError(
            UNSUPPORTED_PROTOCOL_VERSION,
            f'Protocol version "{shown(version)}" is not spoken here.',
            {"supported": STATELESS_VERSIONS, "requested": shown(version)},
        )
    return BY_NAME[version]
