"""The log of tool calls in Postgres."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.kit import ids
from mcp_gateway.models.pages import Page
from mcp_gateway.models.tool_calls import CallFilter, LoggedCall
from mcp_gateway.schema.tables import tool_calls
from mcp_gateway.storage.rows import fetch_page

MILLISECOND = timedelta(milliseconds=1)


def to_logged_call(row: Row[Any]) -> LoggedCall:
    """From a row of the table."""
    return LoggedCall(**{column.name: getattr(row, column.name) for column in tool_calls.c})


def from_id(wanted: CallFilter) -> str | None:
    """The smallest id a call that passes the filter's times can have, so that an index finds it."""
    return None if wanted.created_after is None else ids.first_id(ids.TOOL_CALL, wanted.created_after)


def below_id(wanted: CallFilter, after: str | None) -> str | None:
    """What every id on the page is below: the end of the page before, and the filter's latest time."""
    ends = [] if after is None else [after]
    if wanted.created_before is not None:
        ends.append(ids.first_id(ids.TOOL_CALL, wanted.created_before + MILLISECOND))
    return min(ends, default=None)


class ToolCallStore:
    """Reads the calls of one tenant; they are added and removed across tenants."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list_page(self, tenant_id: str, wanted: CallFilter, *, limit: int, after: str | None) -> Page[LoggedCall]:
        """Newest first."""
        query = select(tool_calls).where(tool_calls.c.tenant_id == tenant_id)
        if wanted.created_after is not None:
            query = query.where(tool_calls.c.id >= from_id(wanted), tool_calls.c.created_at > wanted.created_after)
        if wanted.created_before is not None:
            query = query.where(tool_calls.c.created_at < wanted.created_before)
        for name in ("server_id", "tool", "status"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(tool_calls.c[name] == value)
        below = below_id(wanted, after)
        return await fetch_page(self._connection, query, tool_calls, limit=limit, after=below, convert=to_logged_call)
