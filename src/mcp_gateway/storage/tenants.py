"""Tenants in Postgres."""

from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.models.tenants import Tenant
from mcp_gateway.schema.tables import tenants
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.rows import changed


def to_tenant(row: Row[Any]) -> Tenant:
    """A tenant out of its row."""
    return Tenant(id=row.id, name=row.name, version=row.version, created_at=row.created_at, updated_at=row.updated_at)


class TenantStore:
    """Reads and writes the one tenant of its transaction, as row-level security has it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, tenant_id: str, *, name: str) -> Tenant:
        """Insert."""
        with storage_faults():
            result = await self._connection.execute(insert(tenants).values(id=tenant_id, name=name).returning(tenants))
        return to_tenant(result.one())

    async def get(self, tenant_id: str) -> Tenant | None:
        """By id."""
        with storage_faults():
            result = await self._connection.execute(select(tenants).where(tenants.c.id == tenant_id))
        row = result.one_or_none()
        return to_tenant(row) if row else None

    async def lock(self, tenant_id: str) -> Tenant | None:
        """By id, held until the end of the transaction: nothing can be added to the tenant meanwhile."""
        with storage_faults():
            result = await self._connection.execute(select(tenants).where(tenants.c.id == tenant_id).with_for_update())
        row = result.one_or_none()
        return to_tenant(row) if row else None

    async def hold(self, tenant_id: str) -> Tenant | None:
        """By id, and not deletable until the end of the transaction; others may hold it too."""
        query = select(tenants).where(tenants.c.id == tenant_id).with_for_update(key_share=True, read=True)
        with storage_faults():
            result = await self._connection.execute(query)
        row = result.one_or_none()
        return to_tenant(row) if row else None

    async def rename(self, tenant_id: str, *, name: str) -> Tenant | None:
        """Set the name; None when there is no such tenant."""
        with storage_faults():
            result = await self._connection.execute(
                update(tenants)
                .where(tenants.c.id == tenant_id)
                .values(name=name, **changed(tenants))
                .returning(tenants)
            )
        row = result.one_or_none()
        return to_tenant(row) if row else None

    async def delete(self, tenant_id: str) -> None:
        """Delete; the tenant's tokens and accounts must be gone already."""
        with storage_faults():
            await self._connection.execute(sql_delete(tenants).where(tenants.c.id == tenant_id))
