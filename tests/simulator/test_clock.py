import asyncio

import pytest

from richpanel_sim.clock import ManualClock, SystemClock


async def test_sleepers_wake_when_their_time_has_come(clock):
    short, long = (asyncio.create_task(clock.sleep(seconds)) for seconds in (1, 2))
    await clock.until_asleep()
    clock.advance(1)
    await short
    await clock.until_asleep()
    assert not long.done()
    clock.advance(1)
    await long


async def test_no_time_is_no_sleep(clock):
    await clock.sleep(0)
    await SystemClock().sleep(0)


async def test_who_is_called_off_no_longer_sleeps(clock):
    sleeper = asyncio.create_task(clock.sleep(1))
    await clock.until_asleep()
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    waiting = asyncio.create_task(clock.until_asleep())
    clock.advance(5)
    another = asyncio.create_task(clock.sleep(1))
    await waiting
    clock.advance(1)
    await another


def test_both_notions_of_time_move_together():
    clock = ManualClock()
    before = clock.now()
    clock.advance(1.5)
    assert (clock.monotonic(), (clock.now() - before).total_seconds()) == (1.5, 1.5)
