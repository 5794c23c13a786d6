"""A gateway with the simulator behind it, both on real sockets."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_gateway.dev.stores import EmbeddedValkey
from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.support.databases import fresh_database
from tests.support.gateways import Gateway, Stores, running_gateway, settings_for

RICHPANEL_KEY = "rp_canary_key_for_tests_0001"


@dataclass(frozen=True)
class World:
    """Everything one test looks at."""

    gateway: Gateway
    simulator: SimulatorState
    upstream_url: str
    stores: Stores


@pytest.fixture(scope="session")
async def simulator() -> SimulatorState:
    return SimulatorState({RICHPANEL_KEY: "fernhollow417"})


@pytest.fixture(scope="session")
async def upstream_url(simulator: SimulatorState) -> AsyncIterator[str]:
    async with running(create_simulator(simulator)) as url:
        yield url


@pytest.fixture(scope="session")
async def _shared_world(stores: Stores, simulator: SimulatorState, upstream_url: str) -> AsyncIterator[World]:
    async with running_gateway(settings_for(stores, richpanel_url=upstream_url)) as gateway:
        yield World(gateway, simulator, upstream_url, stores)


@pytest.fixture
def world(_shared_world: World) -> World:
    """The one world, its simulator as new."""
    _shared_world.simulator.reset()
    return _shared_world


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path, persistence="rdb") as server:
        yield server


@pytest.fixture(scope="module")
def own_database(postgres_admin_url: str) -> Iterator[Stores]:
    """A database no other gateway works on: any replica may empty the outbox, also one with another Redis."""
    with fresh_database(postgres_admin_url, "replicas") as stores:
        yield stores
