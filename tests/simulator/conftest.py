from collections.abc import AsyncIterator

import httpx
import pytest

from richpanel_sim.clock import ManualClock
from richpanel_sim.state import SimulatorState
from tests.simulator.support import KEY, OTHER_KEY, TENANT, connect


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def state(clock) -> SimulatorState:
    return SimulatorState({KEY: TENANT, "rp_second_key": TENANT, OTHER_KEY: "willowmere88"}, clock=clock)


@pytest.fixture
async def client(state) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(state) as made:
        yield made
