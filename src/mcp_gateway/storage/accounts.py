"""Integrated accounts in Postgres; keys go in and out sealed."""

from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.models.accounts import Account
from mcp_gateway.models.pages import Page
from mcp_gateway.schema.tables import integrated_accounts as accounts
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.rows import changed, fetch_page


def to_account(row: Row[Any]) -> Account:
    """An account out of its row."""
    return Account(
        id=row.id,
        tenant_id=row.tenant_id,
        integration=row.integration,
        name=row.name,
        credentials_hint=row.credentials_hint,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


# The sealed key is not among them: nothing that lists accounts needs it.
PUBLIC = tuple(column for column in accounts.c if column.name != "sealed_api_key")


class AccountStore:
    """Reads and writes integrated accounts; the tenant comes first in every method."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, tenant_id: str, account_id: str, *, integration: str, name: str, sealed_api_key: bytes, hint: str
    ) -> Account:
        """Insert. A missing tenant is an IntegrityError of the caller's transaction; check it first."""
        values = {
            "id": account_id,
            "tenant_id": tenant_id,
            "integration": integration,
            "name": name,
            "sealed_api_key": sealed_api_key,
            "credentials_hint": hint,
        }
        with storage_faults():
            result = await self._connection.execute(insert(accounts).values(values).returning(*PUBLIC))
        return to_account(result.one())

    async def get(self, tenant_id: str, account_id: str, *, lock: bool = False) -> Account | None:
        """By id; with `lock`, held until the end of the transaction: nothing can be added to it meanwhile."""
        query = select(*PUBLIC).where(accounts.c.tenant_id == tenant_id, accounts.c.id == account_id)
        if lock:
            query = query.with_for_update()
        with storage_faults():
            result = await self._connection.execute(query)
        row = result.one_or_none()
        return to_account(row) if row else None

    async def sealed_key(self, tenant_id: str, account_id: str) -> bytes | None:
        """The key as it is stored; None when there is no such account."""
        query = select(accounts.c.sealed_api_key).where(accounts.c.tenant_id == tenant_id, accounts.c.id == account_id)
        with storage_faults():
            result = await self._connection.execute(query)
        sealed: bytes | None = result.scalar_one_or_none()
        return sealed

    async def hold(self, tenant_id: str, account_id: str) -> Account | None:
        """By id, and not deletable until the end of the transaction; others may hold it too."""
        query = select(*PUBLIC).where(accounts.c.tenant_id == tenant_id, accounts.c.id == account_id)
        with storage_faults():
            result = await self._connection.execute(query.with_for_update(key_share=True, read=True))
        row = result.one_or_none()
        return to_account(row) if row else None

    async def lock_all(self, tenant_id: str) -> None:
        """Hold every account of the tenant until the end of the transaction."""
        with storage_faults():
            await self._connection.execute(
                select(accounts.c.id).where(accounts.c.tenant_id == tenant_id).order_by(accounts.c.id).with_for_update()
            )

    async def list_page(self, tenant_id: str, *, limit: int, after: str | None) -> Page[Account]:
        """Newest first."""
        query = select(*PUBLIC).where(accounts.c.tenant_id == tenant_id)
        return await fetch_page(self._connection, query, accounts, limit=limit, after=after, convert=to_account)

    async def update(self, tenant_id: str, account_id: str, values: dict[str, Any]) -> Account | None:
        """Set some of name, sealed_api_key, credentials_hint; None when there is no such account."""
        with storage_faults():
            result = await self._connection.execute(
                update(accounts)
                .where(accounts.c.tenant_id == tenant_id, accounts.c.id == account_id)
                .values(**values, **changed(accounts))
                .returning(*PUBLIC)
            )
        row = result.one_or_none()
        return to_account(row) if row else None

    async def delete(self, tenant_id: str, account_id: str) -> None:
        """Delete one; its servers must be gone already."""
        with storage_faults():
            await self._connection.execute(
                sql_delete(accounts).where(accounts.c.tenant_id == tenant_id, accounts.c.id == account_id)
            )

    async def delete_all(self, tenant_id: str) -> None:
        """Delete every account of the tenant; their servers must be gone already."""
        with storage_faults():
            await self._connection.execute(sql_delete(accounts).where(accounts.c.tenant_id == tenant_id))
