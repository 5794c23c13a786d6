"""The two notions of time the simulator needs, injected so that tests can move them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the simulator reads the time: aware UTC for timestamps, monotonic seconds for windows."""

    def now(self) -> datetime:
        """The present, as an aware UTC datetime."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary origin."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The present, as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary origin."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told how far to go; both notions move together."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = timedelta()

    def now(self) -> datetime:
        """The start plus everything advanced so far."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed.total_seconds()

    def advance(self, seconds: float) -> None:
        """Move both notions of time forward by ``seconds``."""
        self._elapsed += timedelta(seconds=seconds)
