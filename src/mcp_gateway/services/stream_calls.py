"""A message whose answer goes to a stream, and what becomes of it when the stream ends first."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar, cast

from mcp_gateway.exceptions import StoreUnavailableError

T = TypeVar("T")

CHECK_SECONDS = 2.0
"""How often a stream of another process is looked for while a call for it is under way."""


class AnswerStream(Protocol):
    """Where an answer goes to, in this process or in another."""

    @property
    def closed(self) -> object:
        """Something true once it is known to have ended."""

    def on_close(self, tell: Callable[[], None]) -> AbstractContextManager[None]:
        """Call this, once, if the stream ends before the block does."""


class RemoteStream:
    """A stream that another process holds."""

    __slots__ = ("_check_seconds", "_is_open", "closed", "id", "process")

    def __init__(
        self, stream_id: str, process: str, is_open: Callable[[], Awaitable[bool]], check_seconds: float = CHECK_SECONDS
    ) -> None:
        """`is_open` asks Redis, and raises StoreUnavailableError while that cannot be told."""
        self.id = stream_id
        self.process = process
        self.closed = False
        self._is_open = is_open
        self._check_seconds = check_seconds

    @contextmanager
    def on_close(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call this, once, if the stream is found to have ended before the block does."""
        watch: list[asyncio.Task[None]] = []
        # Most calls end before it begins: they cost a timer and no task.
        timer = asyncio.get_running_loop().call_later(
            self._check_seconds, lambda: watch.append(asyncio.create_task(self._watch(tell)))
        )
        try:
            yield
        finally:
            timer.cancel()
            for task in watch:
                task.cancel()

    async def _watch(self, tell: Callable[[], None]) -> None:
        while True:
            if not await self._may_be_open():
                self.closed = True
                tell()
                return
            await asyncio.sleep(self._check_seconds)

    async def _may_be_open(self) -> bool:
        try:
            return await self._is_open()
        except StoreUnavailableError:
            return True  # nobody can tell, so nobody said that it is gone


async def while_open(stream: AnswerStream, work: Callable[[], Awaitable[T]]) -> T | None:
    """What the work comes to; None when the stream ended first, which cancels the work as a client's leaving does.

    For a stream that has ended already nothing is begun.
    """
    if stream.closed:
        return None
    task = cast("asyncio.Task[object]", asyncio.current_task())  # servers run an ASGI application in a task
    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        task.cancel()

    with stream.on_close(end):
        try:
            result = await work()
        except asyncio.CancelledError:
            if ended and not task.uncancel():
                return None
            raise
    if ended:
        task.uncancel()
    return result
