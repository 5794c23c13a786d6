"""A transaction whose process hangs holds nobody up for long."""

import asyncio

import pytest

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.uow import UnitOfWork

CHAIN = HashChain({"k": bytes(32)}, b"")
WAIT_SECONDS = 20


async def hang(engine, other, tenant_id):
    """Holds a lock and does nothing more until another one has got it."""
    async with UnitOfWork(engine, tenant_id, audit_chain=CHAIN) as mine:
        assert await mine.tenants.lock(tenant_id) is not None
        async with asyncio.timeout(WAIT_SECONDS), UnitOfWork(other, tenant_id, audit_chain=CHAIN) as theirs:
            assert await theirs.tenants.lock(tenant_id) is not None


async def test_locks_of_a_transaction_in_which_nothing_is_done_are_given_up(stores, gateway):
    tenant_id = await gateway.tenant()
    engine = open_engine(stores.database_url, pool_size=1, statement_seconds=0.3)
    other = open_engine(stores.database_url, pool_size=1, statement_seconds=None)
    with pytest.raises(StoreUnavailableError):
        await hang(engine, other, tenant_id)
    # The connection that was ended is not the next one's.
    async with UnitOfWork(engine, tenant_id, audit_chain=CHAIN) as stores_:
        assert await stores_.tenants.get(tenant_id) is not None
    await engine.dispose()
    await other.dispose()
