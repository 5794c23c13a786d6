"""The simulator's notions of time, injected so that tests can move them."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the simulator reads the time: aware UTC for timestamps, monotonic seconds for windows, and its pauses."""

    def now(self) -> datetime:
        """The present, as an aware UTC datetime."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary origin."""

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` have passed."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The present, as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary origin."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` have passed."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is told how far to go; all notions move together.

    Who sleeps on it wakes when it has been advanced far enough, so that tests of slow answers wait for nothing.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = timedelta()
        self._sleepers: list[tuple[timedelta, asyncio.Future[None]]] = []
        self._someone_sleeps = asyncio.Event()

    def now(self) -> datetime:
        """The start plus everything advanced so far."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed.total_seconds()

    def advance(self, seconds: float) -> None:
        """Move time forward by ``seconds`` and wake whose time has come."""
        self._elapsed += timedelta(seconds=seconds)
        for due, alarm in self._sleepers:
            if due <= self._elapsed and not alarm.done():
                alarm.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by ``seconds``."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._elapsed + timedelta(seconds=seconds), asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        self._someone_sleeps.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)

    async def until_asleep(self) -> None:
        """Return once somebody sleeps who has not been woken yet."""
        while all(alarm.done() for _, alarm in self._sleepers):
            self._someone_sleeps.clear()
            await self._someone_sleeps.wait()
