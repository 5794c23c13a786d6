"""`tools/list` and `tools/call`, the same in both eras but for what `results` stamps on them."""

from collections.abc import Mapping
from typing import Any

from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.protocol.errors import INVALID_PARAMS, MISSING_CLIENT_CAPABILITY, ProtocolError, shown
from mcp_gateway.protocol.host import CallContext, Host, OfferedTool
from mcp_gateway.protocol.mirrored import check_mirrored
from mcp_gateway.protocol.progress import Notify, Progress, progress_token
from mcp_gateway.protocol.reply import Reply, response_json, result_reply
from mcp_gateway.protocol.request import Request
from mcp_gateway.protocol.results import call_headers, call_result_json, tool_list_json


def list_tools(request: Request, host: Host) -> Reply:
    """All tools on one page; so no cursor was ever issued, and any that comes is unknown (Pagination).

    Raises:
        ProtocolError: invalid params (-32602).
    """
    if request.params.get("cursor") not in (None, ""):  # not a set: a cursor may be any JSON, also unhashable
        raise ProtocolError(INVALID_PARAMS, "Unknown cursor: the list has one page.")
    result = tool_list_json(host.list_tools_json(), host.list_revision, host.notices, request.revision)
    return result_reply(request.id_json, result)


async def call_tool(request: Request, host: Host, notify: Notify | None) -> Reply:
    """Call a tool; whatever it comes to is a result, only a call that must not be made is a protocol error.

    Raises:
        ProtocolError: invalid params (-32602), header mismatch (-32020) or missing capability (-32021).
    """
    name = request.params.get("name")
    if not isinstance(name, str):
        raise ProtocolError(INVALID_PARAMS, '"name" must be a string: the tool to call.')
    arguments = _arguments(request.params)
    if request.revision.stateless:
        _check_input_responses(request.params)
    progress = Progress(progress_token(request.meta), notify)
    tool = host.find_tool(name)
    if tool is None:
        outcome = _unavailable(name, host)
    else:
        _check_client(tool, request, arguments)
        call = CallContext(request.id, request.revision.name, request.meta, request.trace, progress)
        outcome = await host.call_tool(name, arguments, call)
    progress.end()
    result = call_result_json(outcome, host.notices, request.revision)
    return Reply(outcome.http_status, call_headers(outcome, host.quota()), response_json(request.id_json, result))


def _arguments(params: dict[str, Any]) -> dict[str, Any]:
    arguments = params.get("arguments")
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ProtocolError(INVALID_PARAMS, '"arguments" must be an object.')
    return arguments


def _check_input_responses(params: Mapping[str, Any]) -> None:
    """Answers to questions no tool here asks are ignored where they are well formed (Multi Round-Trip Requests)."""
    if "inputResponses" not in params:
        return
    responses = params["inputResponses"]
    if not isinstance(responses, dict) or not all(isinstance(one, dict) for one in responses.values()):
        raise ProtocolError(INVALID_PARAMS, '"inputResponses" must be an object of objects.')


def _check_client(tool: OfferedTool, request: Request, arguments: Mapping[str, Any]) -> None:
    """Headers that mirror arguments, and capabilities the tool relies on; both are matters of the stateless era."""
    if request.revision.stateless:
        check_mirrored(tool.mirrored, request.sent, arguments)
    missing = _missing(tool.required_capabilities, request.capabilities)
    if not missing:
        return
    told = f"This tool needs a client with these capabilities: {', '.join(missing)}."
    if not request.revision.stateless:
        raise ProtocolError(INVALID_PARAMS, f"{told} This revision does not say them with each request.")
    raise ProtocolError(MISSING_CLIENT_CAPABILITY, told, {"requiredCapabilities": missing})


def _missing(required: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in required.items() if not isinstance(declared.get(name), dict)}


def _unavailable(name: str, host: Host) -> ToolOutcome:
    """One answer for renamed, filtered out and never there: the three must not be told apart.

    A result and no protocol error, though the specification lists unknown tools among the latter: agent frameworks end
    their run at a protocol error, or keep its text from the model, and the model is who can choose another tool.
    docs/clients.md has what was measured.
    """
    names = list(host.tool_names())
    offered = f"This server's tools: {', '.join(names)}." if names else "This server has no tools."
    message = f'There is no tool "{shown(name)}" here: the list may have changed since it was read. {offered}'
    details = {"tools": names, "list_revision": host.list_revision}
    return ToolOutcome.from_error(ToolError(ErrorType.TOOL_UNAVAILABLE, "gateway", message, details=details))
