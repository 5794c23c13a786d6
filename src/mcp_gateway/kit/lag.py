"""How late the event loop is: what tells a peer that does not answer from a process that did not look."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PERIOD_SECONDS = 0.025
NOISE_SECONDS = 0.005
"""Less is how timers are."""
REMEMBERED = 64


class LoopLag:
    """A timer that notes by how much it came too late; it costs 40 wake-ups a second."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """When it ran, and how late."""
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure for as long as the block lasts."""
        self._arm()
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._due = None

    def since(self, moment: float) -> float:
        """Seconds the loop was late, in all, since a moment of its own clock; 0 while nobody measures."""
        if self._due is None:
            return 0.0
        pending = max(0.0, asyncio.get_running_loop().time() - max(self._due, moment))
        return pending + sum(min(late, ran - moment) for ran, late in self._noted if ran > moment)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + PERIOD_SECONDS
        self._timer = loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        late = 0.0 if self._due is None else now - self._due
        if late > NOISE_SECONDS:
            self._noted.append((now, late))
        self._arm()
