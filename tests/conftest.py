"""Fixtures: real stores (given by URL, or from wheels), a gateway and a simulator on real sockets."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.databases import fresh_database
from tests.support.gateways import Gateway, Stores, running_gateway, settings_for
from tests.support.stores import postgres_server, redis_server

# No test is judged by the wall clock, of which a busy machine takes what it likes.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session")
def store_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="session")
def postgres_admin_url(store_directory: Path) -> Iterator[str]:
    with postgres_server(store_directory) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(store_directory: Path) -> Iterator[str]:
    with redis_server(store_directory) as url:
        yield url


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
