"""How late the loop was: nothing when it was not, all of it when it was."""

import asyncio
import time

from mcp_gateway.kit.lag import LoopLag


async def test_blocked_loop_was_late_by_about_as_long_as_it_was_blocked():
    lag = LoopLag()
    with lag.measured():
        started = asyncio.get_running_loop().time()
        time.sleep(0.2)  # noqa: ASYNC251 - that is the point
        # Before the timer had its turn, and after.
        assert lag.since(started) >= 0.15
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert lag.since(started) >= 0.15


async def test_lateness_before_a_moment_does_not_count_for_it():
    lag = LoopLag()
    with lag.measured():
        time.sleep(0.2)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert lag.since(started) == 0.0


async def test_nobody_measures_nothing():
    lag = LoopLag()
    assert lag.since(0.0) == 0.0
    with lag.measured():
        pass
    assert lag.since(0.0) == 0.0
