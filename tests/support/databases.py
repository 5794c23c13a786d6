"""Migrated databases with their two roles, one per test process and purpose."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import asyncpg

from mcp_gateway.dev.stores import create_database, drop_database
from mcp_gateway.factory import migrate
from tests.support.gateways import Stores, settings_for


def worker_number() -> int:
    """0 without pytest-xdist, else 1, 2, …"""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1


@contextlib.contextmanager
def fresh_database(admin_url: str, purpose: str, redis_url: str = "redis://unused") -> Iterator[Stores]:
    """A database of its own, dropped at the end."""
    name = f"gateway_{purpose}_{os.getpid()}_{worker_number()}"
    urls = create_database(admin_url, name, f"{name}_app", "app-password-for-tests")
    stores = Stores(database_url=urls.app, owner_url=urls.owner, redis_url=redis_url)
    try:
        migrate(settings_for(stores))
        yield stores
    finally:
        drop_database(admin_url, name, roles=(f"{name}_owner", f"{name}_app"))


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection, closed at the end."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
