"""What the stores share: tenant filter, keyset pages, versions."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, func
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.kit import ids
from mcp_gateway.models.pages import Page
from mcp_gateway.storage.database import storage_faults

T = TypeVar("T")

MILLISECOND = timedelta(milliseconds=1)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC) - MILLISECOND


def unexpired(table: Table) -> ColumnElement[bool]:
    """Rows that have not expired by the database's clock; an expired row is gone, swept or not."""
    return (table.c.expires_at.is_(None)) | (table.c.expires_at > func.now())


def expired(table: Table) -> ColumnElement[bool]:
    """Rows past their expiry."""
    return table.c.expires_at <= func.now()


def changed(table: Table) -> dict[str, Any]:
    """What every update sets besides its own columns."""
    return {"version": table.c.version + 1, "updated_at": func.now()}


def id_bounds(
    prefix: str, created_after: datetime | None, created_before: datetime | None, after: str | None
) -> tuple[str | None, str | None]:
    """The smallest id a row of these times can have, and what its id and that of the page's rows is below.

    Ids begin with their time, so that the index which serves the order of a list serves its time filters too.
    """
    first = None if created_after is None else ids.first_id(prefix, created_after)
    ends = [] if after is None else [after]
    if created_before is not None and created_before < LAST_INSTANT:
        ends.append(ids.first_id(prefix, created_before + MILLISECOND))
    return first, min(ends, default=None)


async def fetch_page(
    connection: AsyncConnection,
    query: Select[Any],
    table: Table,
    *,
    limit: int,
    after: str | None,
    convert: Callable[[Row[Any]], T],
) -> Page[T]:
    """The next `limit` rows, newest first; ids sort by creation, so the id is the whole position."""
    if after is not None:
        query = query.where(table.c.id < after)
    with storage_faults():
        result = await connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1))
    return to_page(result.all(), limit, convert)


def to_page(rows: Sequence[Row[Any]], limit: int, convert: Callable[[Row[Any]], T]) -> Page[T]:
    """A page out of `limit` rows and the one after them, if there is one."""
    items = tuple(convert(row) for row in rows[:limit])
    return Page(items=items, next_position=rows[limit - 1].id if len(rows) > limit else None)
