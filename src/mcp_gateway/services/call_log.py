"""The log of tool calls: taken down off the call path, written in batches, bounded, never waited for.

A call leaves its row in a queue, which costs microseconds; as bytes, since objects that wait slow down the next calls.
What has large arguments waits as it is, and is hashed in a thread. One loop writes rows a few times a second. While
Postgres is away rows wait up to the bound; then the oldest give way and are counted. What waits when the process is
killed is lost: at most half a second's worth while Postgres answers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.tool_calls import CallFilter, LoggedCall
from mcp_gateway.services.call_entries import CallEntries
from mcp_gateway.services.tenancy import chosen_tenant
from mcp_gateway.storage.uow import UnitOfWorkFactory
from mcp_gateway.telemetry.events import ToolCallFinished

WRITE_SECONDS = 0.5
"""Pause in which rows gather before they are written."""
BATCH_ROWS = 500
"""So many rows do not wait for the pause to end, and are what one statement writes."""
BATCH_BYTES = 4 * 1024 * 1024
"""What one statement writes, and at most one row more."""
LARGE_BYTES = 1024 * 1024
"""So many bytes of arguments do not wait either."""
MAX_ROWS = 10_000
MAX_BYTES = 16 * 1024 * 1024
"""What may wait; beyond it the oldest give way."""
ROW_BYTES = 500
"""Of an event beside its arguments, about."""
RETRY_SECONDS = 5.0
"""Longest pause between two attempts while Postgres is away."""
TOLD_SECONDS = 10.0
"""Losses are logged at most this often."""
FLUSH_SECONDS = 3.0
"""How long the end of the process may wait for what is left to be written."""
SMALL_BYTES = 4 * 1024
"""Arguments up to this become a row at once."""
SLICE = 20
"""Rows of large arguments made between two looks at what else there is to do."""
WEIGHED = 100
"""Values looked at to weigh arguments; what has more counts as large as a request can be."""

logger = structlog.get_logger(__name__)


class _Waiting(NamedTuple):
    """An event, and about how many bytes it holds."""

    event: ToolCallFinished
    ended_at: datetime
    weight: int


class ToolCallLog:
    """A sink of events, with a loop of its own; the other half of it reads."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, entries: CallEntries, on_lost: Callable[[int], None]
    ) -> None:
        """`on_lost` counts calls that will not be in the log."""
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._entries = entries
        self._on_lost = on_lost
        self._events: deque[_Waiting] = deque()
        """Whose arguments are large."""
        self._rows: deque[bytes] = deque()
        self._weight = 0
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._lost = 0
        self._told_at = -TOLD_SECONDS

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """Take it down; at the bounds the oldest that waits is lost, of bytes the oldest with large arguments."""
        weight = weigh(event.arguments)
        if weight <= SMALL_BYTES:
            try:
                row = self._entries.row(event, self._clock.now())
            except Exception:
                # One call that cannot be told is no reason to fail it.
                logger.exception("tool_call_log.refused", rows=1)
                self._lose(1)
                return
            self._rows.append(row)
            self._weight += len(row)
        else:
            self._events.append(_Waiting(event, self._clock.now(), ROW_BYTES + weight))
            self._weight += ROW_BYTES + weight
        waiting = len(self._rows) + len(self._events)
        # What is being written counts too, and cannot give way.
        while waiting and (self._weight > MAX_BYTES or waiting > MAX_ROWS):
            # Rows are hardly what the bytes are: one caller's large arguments must not cost all others their calls.
            takes_event = self._events and (self._weight > MAX_BYTES or not self._rows)
            self._weight -= self._events.popleft().weight if takes_event else len(self._rows.popleft())
            self._lose(1)
            waiting -= 1
        self._some.set()
        if waiting >= BATCH_ROWS or self._weight > LARGE_BYTES:
            self._many.set()

    async def run(self) -> None:
        """Write what comes, again and again."""
        failures = 0
        while True:
            await self._some.wait()
            await self._pause(failures)
            try:
                await self._write()
                failures = 0
            except StoreUnavailableError as exc:
                failures += 1
                logger.debug("tool_call_log.waiting", reason=type(exc).__name__)
            except Exception:
                # The loop must outlive any bug in one round of it.
                failures += 1
                logger.exception("upkeep.failed")
            self._tell_losses()

    async def aclose(self) -> None:
        """Write what is left, for a few seconds at most; `run` has ended already."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                while self._events or self._rows:
                    await self._write()
        except (StoreUnavailableError, TimeoutError):
            self._lose(len(self._rows) + len(self._events))
        self._told_at = -TOLD_SECONDS
        self._tell_losses()

    async def list_page(
        self, caller: AdminPrincipal, tenant_id: str | None, wanted: CallFilter, *, limit: int, after: str | None
    ) -> Page[LoggedCall]:
        """Newest first; of the named tenant where the operator names one, of its own for any other caller."""
        of = chosen_tenant(caller, tenant_id)
        async with self._unit_of_work(of) as stores:
            if of is None:
                return await stores.across_tenants.list_tool_calls(wanted, limit=limit, after=after)
            return await stores.tool_calls.list_page(of, wanted, limit=limit, after=after)

    async def _pause(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(min(WRITE_SECONDS * 2**failures, RETRY_SECONDS))
            return
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._many.wait()
        except TimeoutError:
            return

    async def _write(self) -> None:
        """Write what is there, and whole batches of what comes meanwhile.

        Less than a batch waits for the next pause: under steady calls there is always a row or two more, and a
        transaction for each would cost more than the calls.
        """
        self._some.clear()
        self._many.clear()
        try:
            while self._events or self._rows:
                await self._make_rows()
                await self._write_batch()
                if len(self._rows) + len(self._events) < BATCH_ROWS:
                    break
        finally:
            if self._events or self._rows:
                self._some.set()

    async def _make_rows(self) -> None:
        """Turn events into rows, which are small: large arguments wait no longer than they must."""
        for place in range(1, len(self._events) + 1):
            if not self._events:  # lost meanwhile
                return
            waiting = self._events.popleft()
            try:
                if place % SLICE == 0:
                    await asyncio.sleep(0)
                row = await self._entries.large_row(waiting.event, waiting.ended_at)
            except asyncio.CancelledError:
                self._events.appendleft(waiting)
                raise
            except Exception:
                # One call that cannot be told must not keep all others from being told.
                logger.exception("tool_call_log.refused", rows=1)
                self._weight -= waiting.weight
                self._lose(1)
                continue
            self._rows.append(row)
            self._weight += len(row) - waiting.weight

    async def _write_batch(self) -> None:
        batch: list[bytes] = []
        size = 0
        while self._rows and len(batch) < BATCH_ROWS and size < BATCH_BYTES:
            batch.append(self._rows.popleft())
            size += len(batch[-1])
        try:
            async with self._unit_of_work() as stores:
                await stores.across_tenants.add_tool_calls(b"[%b]" % b",".join(batch))
        except (StoreUnavailableError, asyncio.CancelledError):
            self._rows.extendleft(reversed(batch))
            raise
        except Exception:
            # Trying again would not help, and would keep what comes behind it from being written.
            logger.exception("tool_call_log.refused", rows=len(batch))
            self._lose(len(batch))
        self._weight -= size

    def _lose(self, count: int) -> None:
        self._lost += count
        if count:
            self._on_lost(count)

    def _tell_losses(self) -> None:
        now = self._clock.monotonic()
        if self._lost and now - self._told_at >= TOLD_SECONDS:
            logger.warning("tool_call_log.lost", calls=self._lost)
            self._lost, self._told_at = 0, now


def weigh(arguments: Mapping[str, Any]) -> int:
    """About how many bytes the arguments hold, for microseconds: few values are looked at."""
    total, waiting, seen = 0, [arguments], 0
    while waiting:
        value: Any = waiting.pop()
        seen += 1
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, (dict, list, Mapping, Sequence)):  # the first two cost a fraction
            if seen + len(value) > WEIGHED:
                return MAX_REQUEST_BYTES
            if isinstance(value, Mapping):
                total += sum(map(len, value))
                waiting.extend(value.values())
            else:
                waiting.extend(value)
    return total + ROW_BYTES // 10 * seen
