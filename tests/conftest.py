"""Fixtures: real stores (given by URL, or from wheels), a gateway and a simulator on real sockets."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey
from tests.support.databases import fresh_database, worker_number
from tests.support.gateways import Gateway, Stores, running_gateway, settings_for


@pytest.fixture(scope="session")
def store_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="session")
def postgres_admin_url(store_directory: Path) -> Iterator[str]:
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(store_directory / "postgres", durable=False) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def redis_url(store_directory: Path) -> Iterator[str]:
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{worker_number() % 16}"))
        return
    with EmbeddedValkey(store_directory / "valkey", persistence="none") as valkey:
        yield valkey.url


@pytest.fixture(scope="session")
def stores(postgres_admin_url: str, redis_url: str) -> Iterator[Stores]:
    """A migrated database with its two roles, and a Redis."""
    with fresh_database(postgres_admin_url, "tests", redis_url) as fresh:
        yield fresh


@pytest.fixture(scope="session")
async def gateway(stores: Stores) -> AsyncIterator[Gateway]:
    """One gateway for all tests that need no Richpanel and no store of their own."""
    async with running_gateway(settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")) as running:
        yield running
