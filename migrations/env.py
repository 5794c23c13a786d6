"""Runs migrations as the owner's role, one process at a time, without waiting long for a lock.

The connection comes from `mcp_gateway.storage.migrations` when `mcp-gateway migrate` runs this, and from
GATEWAY_MIGRATION_DATABASE_URL when the alembic command does.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from mcp_gateway.schema.tables import metadata
from mcp_gateway.storage.database import open_engine

MIGRATION_LOCK = 7_221_014_930_178_221
"""Advisory lock taken while migrating, so that two deployments do not race."""


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text("SET lock_timeout = '2s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()


async def migrate_from_environment() -> None:
    engine = open_engine(os.environ["GATEWAY_MIGRATION_DATABASE_URL"], pool_size=1, statement_seconds=None)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_from_environment())
