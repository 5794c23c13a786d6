"""`tools/list` and `tools/call`, the same in both eras but for what `results` stamps on them."""

from typing import Any

from mcp_gateway.protocol.errors import INVALID_PARAMS, ProtocolError, shown
from mcp_gateway.protocol.host import CallContext, Host
from mcp_gateway.protocol.reply import Reply, response_json, result_reply
from mcp_gateway.protocol.request import Request
from mcp_gateway.protocol.results import call_headers, call_result_json, list_stamp


async def list_tools(request: Request, host: Host) -> Reply:
    """All tools on one page; so no cursor was ever issued, and any that comes is unknown (Pagination).

    Raises:
        ProtocolError: invalid params (-32602).
    """
    if request.params.get("cursor") not in (None, ""):  # not a set: a cursor may be any JSON, also unhashable
        raise ProtocolError(INVALID_PARAMS, "Unknown cursor: the list has one page.")
    result = b'{"tools":%b%b}' % (host.list_tools_json(), list_stamp(request.revision))
    return result_reply(request.id_json, result)


async def call_tool(request: Request, host: Host) -> Reply:
    """Call a tool; whatever it comes to is a result, only a call that names no tool here is a protocol error.

    Raises:
        ProtocolError: invalid params (-32602).
    """
    name = request.params.get("name")
    if not isinstance(name, str):
        raise ProtocolError(INVALID_PARAMS, '"name" must be a string: the tool to call.')
    arguments = _arguments(request.params)
    if not host.has_tool(name):
        raise _unknown_tool(name, host)
    call = CallContext(request.id, request.revision.name, request.meta)
    outcome = await host.call_tool(name, arguments, call)
    result = call_result_json(outcome, request.revision)
    return Reply(outcome.http_status, call_headers(outcome.limits), response_json(request.id_json, result))


def _arguments(params: dict[str, Any]) -> dict[str, Any]:
    arguments = params.get("arguments")
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ProtocolError(INVALID_PARAMS, '"arguments" must be an object.')
    return arguments


def _unknown_tool(name: str, host: Host) -> ProtocolError:
    """One answer for renamed, filtered out and never there: the three must not be told apart."""
    names = list(host.tool_names())
    offered = f"This server's tools: {', '.join(names)}." if names else "This server has no tools."
    return ProtocolError(INVALID_PARAMS, f'Unknown tool "{shown(name)}". {offered}', {"tools": names})
