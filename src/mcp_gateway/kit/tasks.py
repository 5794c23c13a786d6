"""Ending background tasks for sure, and letting others end in peace."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

CANCEL_AGAIN_SECONDS = 0.2


async def cancel_all(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel and wait until all have ended.

    Once is not always enough: a library that turns a cancellation into its own time-out swallows it, as redis-py's
    subscriptions do when the connection breaks at the same moment.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)


class Shelter:
    """Work that goes on when whoever waits for it is cancelled, and that can be waited for at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to; cancelling this call leaves the work alone."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin work that nobody waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report)

    async def join(self) -> None:
        """Return once all work has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _report(task: "asyncio.Task[Any]") -> None:
    """Nobody waits for it any more, so a failure would pass in silence."""
    if not task.cancelled() and (exc := task.exception()) is not None:
        context = {"message": "work nobody waited for any more failed", "exception": exc, "task": task}
        task.get_loop().call_exception_handler(context)
