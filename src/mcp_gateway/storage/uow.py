"""One transaction, in the name of one tenant, and the stores that work in it."""

from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.schema.isolation import TENANT_SETTING
from mcp_gateway.storage.accounts import AccountStore
from mcp_gateway.storage.api_tokens import ApiTokenStore
from mcp_gateway.storage.audit import AuditStore
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.idempotency import IdempotencyStore
from mcp_gateway.storage.outbox import OutboxStore
from mcp_gateway.storage.servers import ServerStore
from mcp_gateway.storage.tenants import TenantStore
from mcp_gateway.storage.tool_calls import ToolCallStore
from mcp_gateway.storage.without_tenant import AcrossTenants, TenantOf


class UnitOfWork:
    """`async with UnitOfWork(engine, tenant_id) as stores:` commits on a clean exit, rolls back otherwise.

    Nobody else commits. Row-level security shows and takes the rows of `tenant_id` alone; with None there are no rows
    until `enter` or `enter_by` names a tenant, and a transaction never changes from one tenant to another. What needs
    no tenant is `across_tenants` and the outbox.
    """

    across_tenants: AcrossTenants
    tenants: TenantStore
    accounts: AccountStore
    servers: ServerStore
    api_tokens: ApiTokenStore
    outbox: OutboxStore
    audit: AuditStore
    idempotency: IdempotencyStore
    tool_calls: ToolCallStore

    def __init__(self, engine: AsyncEngine, tenant_id: str | None = None, *, audit_chain: HashChain) -> None:
        self._engine = engine
        self._audit_chain = audit_chain
        self._tenant_id = tenant_id
        self._connection: AsyncConnection
        self._transaction: AsyncTransaction

    async def __aenter__(self) -> Self:
        with storage_faults():
            self._connection = await self._engine.connect()
            try:
                self._transaction = await self._connection.begin()
                if self._tenant_id is not None:
                    await self._set_tenant(bindparam("tenant_id", self._tenant_id))
            except BaseException:
                # Also when the caller is cancelled here: `__aexit__` would not run, and the pool would lose one.
                await self._connection.close()
                raise
        self.across_tenants = AcrossTenants(self._connection)
        self.outbox = OutboxStore(self._connection)
        self.tenants = TenantStore(self._connection)
        self.accounts = AccountStore(self._connection)
        self.servers = ServerStore(self._connection)
        self.api_tokens = ApiTokenStore(self._connection)
        self.tool_calls = ToolCallStore(self._connection)
        self.idempotency = IdempotencyStore(self._connection)
        self.audit = AuditStore(self._connection, self._audit_chain)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with storage_faults():
            try:
                if kind is None:
                    await self._transaction.commit()
                else:
                    await self._transaction.rollback()
            finally:
                await self._connection.close()

    async def enter(self, tenant_id: str) -> None:
        """Work in this tenant's name from here on; for a transaction that was begun without a tenant."""
        self._check_unentered()
        with storage_faults():
            await self._set_tenant(bindparam("tenant_id", tenant_id))
        self._tenant_id = tenant_id

    async def enter_by(self, lookup: TenantOf, key: str | bytes) -> str | None:
        """Work in the name of the tenant that the key belongs to; its id, or None when it belongs to nobody."""
        self._check_unentered()
        with storage_faults():
            found = await self._set_tenant(func.coalesce(getattr(func.public, lookup.value)(key), ""))
        self._tenant_id = found or None
        return self._tenant_id

    async def try_lock(self, key: int) -> bool:
        """Take an advisory lock until the end of the transaction; False when another session holds it."""
        with storage_faults():
            return bool(await self._connection.scalar(select(func.pg_try_advisory_xact_lock(key))))

    async def _set_tenant(self, value: ColumnElement[str]) -> str:
        # True: for this transaction alone. Of a session, the tenant would be there for the connection's next user.
        tenant_id: str = (
            await self._connection.execute(select(func.set_config(TENANT_SETTING, value, True)))
        ).scalar_one()
        return tenant_id

    def _check_unentered(self) -> None:
        if self._tenant_id is not None:
            raise RuntimeError("a transaction works for one tenant, and this one has its tenant already")


class UnitOfWorkFactory(Protocol):
    """Makes transactions: of a tenant, or of none yet."""

    def __call__(self, tenant_id: str | None = None) -> UnitOfWork:
        """A fresh one."""
        ...
