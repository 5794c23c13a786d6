"""Real stores: those whose URL is given, else PostgreSQL and Valkey out of wheels for the length of a block."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey
from tests.support.databases import worker_number


@contextlib.contextmanager
def postgres_server(directory: Path) -> Iterator[str]:
    """A superuser's URL; `directory` is used for an embedded server only."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(directory / "postgres", durable=False) as postgres:
        yield postgres.url


@contextlib.contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """A URL with a database number of this process' own; `directory` is used for an embedded server only."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{worker_number() % 16}"))
        return
    with EmbeddedValkey(directory / "valkey", persistence="none") as valkey:
        yield valkey.url
