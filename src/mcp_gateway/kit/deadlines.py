"""Deadlines that are nearly always called off: set and called off at the price of a dictionary's entry.

A timer of the event loop costs microseconds, and each call needs two that hardly ever fire. Here they gather in ticks
of the clock, and one timer looks after all of them while there are any. One that does fire is never early, and up to
two ticks late.

Source of the idea: Varghese and Lauck, Hashed and Hierarchical Timing Wheels (1987), scheme 6.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from weakref import WeakKeyDictionary, ref

TICK_SECONDS = 0.05

Deadline = tuple[int, int]
"""What `Deadlines.call_off` wants to have: a tick, and a number."""

_of_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, Deadlines]" = WeakKeyDictionary()


class Deadlines:
    """Those of one event loop."""

    __slots__ = ("_context", "_is_ticking", "_last", "_loop", "_ticks")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)  # which is who keeps this: in a circle both would stay for long
        self._ticks: dict[int, dict[int, Callable[[], object]]] = {}
        self._last = 0
        self._context = Context()
        self._is_ticking = False

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "Deadlines":
        """Those of this loop."""
        deadlines = _of_loops.get(loop)
        if deadlines is None:
            deadlines = _of_loops[loop] = cls(loop)
        return deadlines

    def set(self, when: float, callback: Callable[[], object]) -> Deadline:
        """Have something called at a loop time, unless it is called off.

        It runs in no request's context.
        """
        tick = int(when / TICK_SECONDS) + 1
        callbacks = self._ticks.get(tick)
        if callbacks is None:
            callbacks = self._ticks[tick] = {}
            if not self._is_ticking:
                self._tick_later()
        self._last += 1
        callbacks[self._last] = callback
        return tick, self._last

    def call_off(self, deadline: Deadline) -> None:
        """See that it is not called; nothing where it was."""
        callbacks = self._ticks.get(deadline[0])
        if callbacks is not None:
            callbacks.pop(deadline[1], None)

    def _tick_later(self) -> None:
        loop = self._loop()
        if loop is not None:
            self._is_ticking = True
            # In no request's context: it is a matter of chance whose deadline made it tick.
            loop.call_later(TICK_SECONDS, self._tick, context=self._context)

    def _tick(self) -> None:
        loop = self._loop()
        if loop is None:
            return
        now = int(loop.time() / TICK_SECONDS)
        try:
            for tick in sorted(self._ticks):
                callbacks = self._ticks[tick]
                # Each is called while it may still be called off: soon after would be too late for some.
                while callbacks and tick <= now:
                    callbacks.pop(next(iter(callbacks)))()
                # Of far ticks whose deadlines were all called off nothing need be kept, nor anybody be woken for them.
                if not callbacks:
                    del self._ticks[tick]
        finally:
            self._is_ticking = False
            if self._ticks:
                self._tick_later()
