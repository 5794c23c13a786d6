"""`/integrated-account/{id}/tools/{tool_name}`: one tool call over plain REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from mcp_gateway.http.admin.paths import AccountId
from mcp_gateway.http.context import Services, ToolCaller, bearer
from mcp_gateway.http.problem_docs import PROBLEMS, TOOL_PROBLEMS
from mcp_gateway.kit.visible import visible_json
from mcp_gateway.models.api_tokens import Scope
from mcp_gateway.models.outcomes import ErrorType, ToolOutcome
from mcp_gateway.protocol.results import call_headers, own_meta

router = APIRouter(prefix="/integrated-account", tags=["tool calls"], responses=PROBLEMS)

STATUSES = {
    ErrorType.INVALID_ARGUMENTS: 422,
    ErrorType.TOOL_UNAVAILABLE: 404,
    ErrorType.RATE_LIMITED: 429,
    ErrorType.UPSTREAM_TIMEOUT: 504,
    ErrorType.OUTCOME_UNKNOWN: 504,
    ErrorType.DUPLICATE_IN_PROGRESS: 409,
    ErrorType.REVOKED: 404,
    ErrorType.OVERLOADED: 503,
    ErrorType.INTERNAL: 500,
}
"""Of errors that have one; the others have upstream's own where a caller can do something about it, else 502."""

PASSED_ON = {ErrorType.UPSTREAM_REJECTED: 422, ErrorType.NOT_FOUND: 404}
"""Errors that keep upstream's 4xx, with the status of those that it told in a 200."""
# To pass these on would tell the caller that the credential it sent us is wrong, or send it to a proxy.
NOT_THE_CALLERS = frozenset({401, 403, 407})
BAD_GATEWAY = 502
SUCCESS, REFUSED = 2, 4
"""Classes of upstream's statuses."""


@router.post(
    "/{account_id}/tools/{tool_name}",
    summary="Call a tool",
    responses={
        200: {
            "description": '`{"result": …}`, with `next_cursor` on list tools, and `_meta` as in an MCP result where a '
            "number was looked up or an argument repaired"
        },
        **TOOL_PROBLEMS,
    },
    # Added to what `ToolCaller` declares; one entry of the list is enough.
    openapi_extra={"security": [{bearer.scheme_name: [Scope.WRITE.value]}]},
)
async def call_tool(
    account_id: AccountId,
    tool_name: str,
    services: Services,
    caller: ToolCaller,
    arguments: Annotated[dict[str, Any], Body(examples=[{"limit": 10}], description="The tool's arguments.")],
) -> Response:
    """The structured result of an MCP tool call. A refusal has the same `error` object and a status of its own.

    A token needs the scope `read` for tools that only read and `write` for the others. Never retried, never queued.
    """
    outcome = await services.direct_calls().call(caller, account_id, tool_name, arguments)
    headers = dict(call_headers(outcome, services.limits.quota(account_id)))
    meta = own_meta(outcome.meta)
    answer = {**outcome.structured, "_meta": meta} if meta else outcome.structured
    status = status_of(outcome)
    return Response(visible_json(answer), status_code=status, headers=headers, media_type="application/json")


def status_of(outcome: ToolOutcome) -> int:
    """The HTTP status that says what the outcome says."""
    error = outcome.error
    if error is None:
        return 200
    if error.type in STATUSES:
        return STATUSES[error.type]
    if error.type not in PASSED_ON:
        return BAD_GATEWAY
    if error.status is None or error.status // 100 == SUCCESS:
        return PASSED_ON[error.type]
    return BAD_GATEWAY if error.status // 100 != REFUSED or error.status in NOT_THE_CALLERS else error.status
