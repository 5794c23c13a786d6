"""The engine, and the translation of "Postgres does not answer" into one error."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mcp_gateway.exceptions import StoreUnavailableError

CONNECT_SECONDS = 2.0
STATEMENT_SECONDS = 3.0
IDLE_STATEMENTS = 5
"""A transaction in which nothing is done for as long as so many statements may take is ended by the database."""
POOL_WAIT_SECONDS = 2.0
"""A request that finds no free connection this long is told to come back, rather than queued."""


def open_engine(url: str, *, pool_size: int, statement_seconds: float | None = STATEMENT_SECONDS) -> AsyncEngine:
    """An engine over asyncpg; nothing connects until it is used.

    The URL goes to asyncpg as it is, so that everything libpq knows (`host=/socket/dir`, `sslmode=…`) works.
    `statement_seconds` None lets a statement run as long as it needs, as a migration must.
    """
    statement_milliseconds = int((statement_seconds or 0) * 1000)

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=None if statement_seconds is None else statement_seconds + 1,
            server_settings={
                "application_name": "mcp-gateway",
                "timezone": "UTC",
                "statement_timeout": str(statement_milliseconds),
                # A process that hangs must not keep its locks, and with them all others from changing a tenant.
                "idle_in_transaction_session_timeout": str(IDLE_STATEMENTS * statement_milliseconds),
            },
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=False,
        pool_recycle=1800,
        # Values of failed statements would put digests and sealed keys into error texts.
        hide_parameters=True,
    )


@contextmanager
def storage_faults() -> Iterator[None]:
    """Turn every way in which Postgres can fail to answer into StoreUnavailableError; constraint violations pass."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, InterfaceError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        raise StoreUnavailableError("the database does not answer at the moment") from exc
    except (TimeoutError, OSError) as exc:
        raise StoreUnavailableError("the database cannot be reached at the moment") from exc
