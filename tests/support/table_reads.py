"""How many rows the database read for a query, by its own count.

Unlike EXPLAIN, the count includes what happens inside functions.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

PREPARED = 12
"""Runs after which PostgreSQL has decided for the generic plan, or against it, as on a connection in use."""
READS = text("SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_user_tables")


async def rows_read(connection: AsyncConnection, query: Callable[[], Awaitable[T]]) -> tuple[int, T]:
    """Rows read by the last of several runs of a query in one transaction, and its answer."""
    for _ in range(PREPARED):
        await query()
    before = (await connection.execute(READS)).scalar_one()
    answer = await query()
    return int((await connection.execute(READS)).scalar_one() - before), answer
