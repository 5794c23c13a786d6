"""`/log`: the tool calls that were made."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from mcp_gateway.http.admin.filters import CreatedAfter, CreatedBefore, Text, only
from mcp_gateway.http.context import LogReader, Services
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.models.tool_calls import CallFilter, LoggedCall

router = APIRouter(prefix="/log", tags=["logs"], responses=PROBLEMS)

FILTERS = ("log_type", "mcp_server_id", "tool_name", "status", "created_at[gt]", "created_at[lt]", "tenant_id")


class LoggedCallOut(BaseModel):
    """One call of a tool."""

    id: str = Field(examples=["call_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    tenant_id: str
    integrated_account_id: str
    mcp_server_id: str | None = Field(description="Null for a call over plain REST.")
    created_at: datetime = Field(description="When the call ended.")
    tool_name: str
    status: str = Field(description="`ok`, `cancelled`, or the `type` of the error.")
    duration_ms: float
    upstream_status: int | None = Field(description="Of Richpanel's latest answer; null when there was none.")
    upstream_duration_ms: float
    caller_gone: bool = Field(description="The client did not wait for the answer.")
    client: str | None = Field(description="What the client says it is: never checked.")
    arguments_hash: str = Field(
        description="Equal for equal arguments of one tenant; keyed, so that none can be guessed."
    )
    arguments: dict[str, Any] | str | None = Field(
        description="Where the server's config says `log_arguments`; the beginning of their JSON where they were long."
    )
    arguments_truncated: bool
    request_id: str | None
    trace_id: str | None

    @classmethod
    def of(cls, call: LoggedCall) -> "LoggedCallOut":
        """From the model."""
        return cls(
            id=call.id,
            tenant_id=call.tenant_id,
            integrated_account_id=call.account_id,
            mcp_server_id=call.server_id,
            created_at=call.created_at,
            tool_name=call.tool,
            status=call.status,
            duration_ms=call.duration_ms,
            upstream_status=call.upstream_status,
            upstream_duration_ms=call.upstream_ms,
            caller_gone=call.caller_gone,
            client=call.client,
            arguments_hash=call.arguments_hash,
            arguments=_arguments(call),
            arguments_truncated=call.arguments_truncated,
            request_id=call.request_id,
            trace_id=call.trace_id,
        )


def _arguments(call: LoggedCall) -> dict[str, Any] | str | None:
    if call.arguments is None or call.arguments_truncated:
        return call.arguments
    arguments: dict[str, Any] = orjson.loads(call.arguments)
    return arguments


def _wanted(
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    mcp_server_id: Text = None,
    tool_name: Text = None,
    status: Text = None,
) -> CallFilter:
    return CallFilter(created_after, created_before, mcp_server_id, tool_name, status)


@router.get("", summary="List tool calls", dependencies=[Depends(only(*FILTERS))])
async def list_page(
    services: Services,
    caller: LogReader,
    wanted: Annotated[CallFilter, Depends(_wanted)],
    log_type: Annotated[Literal["mcp"], Query(description="`mcp`: tool calls, over MCP and over plain REST.")] = "mcp",
    tenant_id: Text = None,
    limit: Limit = DEFAULT_LIMIT,
    next_cursor: NextCursor = None,
) -> ListOut[LoggedCallOut]:
    """Newest first; a call is there within a second of its end. Kept for `GATEWAY_LOG_RETENTION_DAYS`."""
    scope = f"log:{log_type}:{caller.tenant_id}:{tenant_id}:{wanted}"
    after = services.list_cursors.position(scope, next_cursor)
    page = await services.call_log.list_page(caller, tenant_id, wanted, limit=limit, after=after)
    return list_out(page, LoggedCallOut.of, services.list_cursors, scope)
