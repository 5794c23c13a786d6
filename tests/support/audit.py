"""The audit log as the owner of the database sees it, and as nobody should be able to change it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from tests.support.gateways import Stores


@contextlib.asynccontextmanager
async def owner_of(stores: Stores) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner's role."""
    connection = await asyncpg.connect(stores.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


async def audit_rows(stores: Stores, tenant_id: str) -> list[dict[str, Any]]:
    """The tenant's rows, oldest first."""
    async with owner_of(stores) as connection:
        rows = await connection.fetch("SELECT * FROM audit_log WHERE tenant_id = $1 ORDER BY seq", tenant_id)
    return [dict(row) for row in rows]
