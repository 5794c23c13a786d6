"""Small writes of one turn of the event loop, made together at its end.

A write wakes whoever waits at the other end, and on a busy loop each wake-up costs as much as the write itself. Made
one behind the other, the first one wakes the peer and the others find it awake (docs/performance.md has what that is
worth). Nothing waits longer than for what the loop does anyway.
"""

import asyncio
from collections import deque
from contextvars import Context
from weakref import WeakKeyDictionary, ref

_corks: "WeakKeyDictionary[asyncio.AbstractEventLoop, Cork]" = WeakKeyDictionary()


class Cork:
    """What is to be written on the transports of one event loop, in its order."""

    __slots__ = ("_context", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)  # which is who keeps this: in a circle both would stay for long
        self._context = Context()
        self._waiting: deque[tuple[asyncio.WriteTransport, bytes]] = deque()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "Cork":
        """The one of this loop."""
        cork = _corks.get(loop)
        if cork is None:
            cork = _corks[loop] = cls(loop)
        return cork

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Write in a moment; nothing if the transport is being closed by then."""
        if not self._waiting:
            self._flush_soon()
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Write what waits; to be called before a transport that may be among it is written to directly, or closed."""
        waiting = self._waiting
        try:
            while waiting:
                transport, data = waiting.popleft()
                if not transport.is_closing():
                    transport.write(data)
        finally:
            if waiting:  # one transport failed: the others are no worse for it
                self._flush_soon()

    def _flush_soon(self) -> None:
        loop = self._loop()
        if loop is not None:
            loop.call_soon(self.flush, context=self._context)  # no request's: they are many
