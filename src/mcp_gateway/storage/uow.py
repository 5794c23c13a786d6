"""One transaction and the stores that work in it."""

from types import TracebackType
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.storage.accounts import AccountStore
from mcp_gateway.storage.api_tokens import ApiTokenStore
from mcp_gateway.storage.audit import AuditStore
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.outbox import OutboxStore
from mcp_gateway.storage.servers import ServerStore
from mcp_gateway.storage.tenants import TenantStore


class UnitOfWork:
    """`async with UnitOfWork(engine) as stores:` commits on a clean exit, rolls back otherwise; nobody else commits."""

    tenants: TenantStore
    accounts: AccountStore
    servers: ServerStore
    api_tokens: ApiTokenStore
    outbox: OutboxStore
    audit: AuditStore

    def __init__(self, engine: AsyncEngine, audit_chain: HashChain) -> None:
        self._engine = engine
        self._audit_chain = audit_chain
        self._connection: AsyncConnection
        self._transaction: AsyncTransaction

    async def __aenter__(self) -> Self:
        with storage_faults():
            self._connection = await self._engine.connect()
            try:
                self._transaction = await self._connection.begin()
            except BaseException:
                # Also when the caller is cancelled here: `__aexit__` would not run, and the pool would lose one.
                await self._connection.close()
                raise
        self.outbox = OutboxStore(self._connection)
        self.tenants = TenantStore(self._connection)
        self.accounts = AccountStore(self._connection)
        self.servers = ServerStore(self._connection)
        self.api_tokens = ApiTokenStore(self._connection)
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

    async def try_lock(self, key: int) -> bool:
        """Take an advisory lock until the end of the transaction; False when another session holds it."""
        with storage_faults():
            return bool(await self._connection.scalar(select(func.pg_try_advisory_xact_lock(key))))
