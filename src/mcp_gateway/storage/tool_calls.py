"""The log of tool calls in Postgres."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.kit import ids
from mcp_gateway.models.pages import Page
from mcp_gateway.models.tool_calls import CallFilter, LoggedCall
from mcp_gateway.schema.tables import tool_calls
from mcp_gateway.storage.rows import fetch_page, id_bounds


def to_logged_call(row: Row[Any]) -> LoggedCall:
    """From a row of the table."""
    return LoggedCall(**{column.name: getattr(row, column.name) for column in tool_calls.c})


def bounds(wanted: CallFilter, after: str | None) -> tuple[str | None, str | None]:
    """Ids a page lies between, see `id_bounds`."""
    return id_bounds(ids.TOOL_CALL, wanted.created_after, wanted.created_before, after)


class ToolCallStore:
    """Reads the calls of one tenant; they are added and removed across tenants."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list_page(self, tenant_id: str, wanted: CallFilter, *, limit: int, after: str | None) -> Page[LoggedCall]:
        """Newest first."""
        first, below = bounds(wanted, after)
        query = select(tool_calls).where(tool_calls.c.tenant_id == tenant_id)
        if wanted.created_after is not None:
            query = query.where(tool_calls.c.id >= first, tool_calls.c.created_at > wanted.created_after)
        if wanted.created_before is not None:
            query = query.where(tool_calls.c.created_at < wanted.created_before)
        for name in ("server_id", "tool", "status"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(tool_calls.c[name] == value)
        return await fetch_page(self._connection, query, tool_calls, limit=limit, after=below, convert=to_logged_call)
