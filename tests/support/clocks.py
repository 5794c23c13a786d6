"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Both readings advance together, and only by `advance`."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed = 0.0

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return 1000.0 + self._passed


class ShiftedClock:
    """The machine's clock, moved ahead by what `advance` added up to."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return datetime.now(UTC).timestamp() + self._ahead
