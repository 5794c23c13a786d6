"""One event stream: what waits to be sent to its client, and why it ended."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from mcp_gateway.protocol.events import KEEP_ALIVE

MAX_WAITING_BYTES = 8 * 1024 * 1024
"""A client that lets more than this wait does not read. One more answer is taken below it, whatever its size."""
MAX_UNREAD_BYTES = 256 * 1024 * 1024
"""What may wait in one process for all of its streams together."""
SLICE_BYTES = 64 * 1024
"""What is handed to the server at once: it holds what the socket does not take, and that must not be a whole answer."""


class CloseReason(StrEnum):
    """Why a stream ended; a word of the logs."""

    CLIENT_GONE = "client_gone"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SLOW_READER = "slow_reader"
    STOPPING = "stopping"


class Unread:
    """What waits for all streams of a process together."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0
        """Bytes."""


class Stream:
    """A queue of bytes with one reader; lean, since there are thousands of them."""

    __slots__ = (
        *("_arrived", "_on_close", "_sent", "_unread", "_waiting"),
        *("calls", "closed", "digest", "id", "server_id", "tenant_id", "waiting_bytes"),
    )

    def __init__(self, stream_id: str, server_id: str, tenant_id: str, digest: bytes, unread: Unread) -> None:
        """`digest` is that of the token the stream was opened with; `unread` counts for all streams together."""
        self.id = stream_id
        self.server_id = server_id
        self.tenant_id = tenant_id
        self.digest = digest
        self.calls = 0
        """Messages of this process under way, whose answers are still to come."""
        self.closed: CloseReason | None = None
        self._arrived = asyncio.Event()
        self._unread = unread
        self._on_close: tuple[Callable[[], None], ...] = ()
        self._waiting: deque[bytes] = deque()
        self.waiting_bytes = 0
        self._sent = 0
        """Bytes of the first event that were handed out already."""

    def put(self, event: bytes) -> bool:
        """Queue an event; False when too much waits already."""
        if self.waiting_bytes > MAX_WAITING_BYTES:
            return False
        self._waiting.append(event)
        self._count(len(event))
        self._arrived.set()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent, and no call of this process is under way."""
        return not self._waiting and not self.calls

    def close(self, reason: CloseReason) -> None:
        """End it now: what waits is dropped, as half an event is none."""
        self.closed = reason
        self._waiting.clear()
        self._count(-self.waiting_bytes)
        self._arrived.set()
        for tell in self._on_close:
            tell()

    @contextmanager
    def on_close(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call this, once, if the stream ends before the block does."""
        # A tuple: nearly every stream has none, and there are thousands of them.
        self._on_close = (*self._on_close, tell)
        try:
            yield
        finally:
            self._on_close = tuple(one for one in self._on_close if one is not tell)

    async def take(self, silence_seconds: float) -> bytes | None:
        """What to send next: a slice of an event, a comment after so much silence, or None when the stream ended."""
        if not self._waiting and self.closed is None:
            self._arrived.clear()
            try:
                async with asyncio.timeout(silence_seconds):
                    await self._arrived.wait()
            except TimeoutError:
                return KEEP_ALIVE
        return None if self.closed is not None else self._slice()

    def _slice(self) -> bytes:
        event = self._waiting[0]
        piece = event[self._sent : self._sent + SLICE_BYTES]
        self._sent += len(piece)
        self._count(-len(piece))
        if self._sent == len(event):
            self._waiting.popleft()
            self._sent = 0
        return piece

    def _count(self, number: int) -> None:
        self.waiting_bytes += number
        self._unread.total += number
