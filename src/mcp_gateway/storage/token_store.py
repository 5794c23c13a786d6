"""Token look-up: this process, then Redis, then Postgres, which is the truth.

What must never happen is a dead token coming back to life. Redis' part of that is in token_records.py; this module's:
a copy in this process is dropped on any announcement, on any moment in which one may have been missed, and at the
latest five seconds after the read that produced it began, however long the answer took.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from mcp_gateway.constants import PROCESS_CACHE_SECONDS, REDIS_RECORD_SECONDS
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.token_events import TokenKind
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink
from mcp_gateway.storage.token_records import CHANNEL, TokenRecords, message_of

MAX_CACHED = 20_000
"""Copies of one kind in one process, about 1 KB each."""
DEGRADED_CACHE_SECONDS = 1.0
"""How long a copy is trusted while announcements cannot arrive."""
_NEVER = float("inf")


class TokenRecord(Protocol):
    """What every kind of principal has."""

    @property
    def expires_at(self) -> datetime | None:
        """Dead from this instant on."""

    @property
    def version(self) -> int:
        """Rises with every change."""


R = TypeVar("R", bound=TokenRecord)


@dataclass(slots=True)
class _Cached(Generic[R]):
    record: R | None
    until: float
    """Monotonic seconds."""
    expires: float
    """Wall-clock seconds; infinity when it does not expire."""


@dataclass(eq=False, slots=True)
class _Flight(Generic[R]):
    """A look-up under way, shared by everyone who asks for the same token meanwhile."""

    task: "asyncio.Task[R | None]"


class TokenStore(Generic[R]):
    """Finds what tokens of one kind stand for."""

    def __init__(
        self,
        kind: TokenKind,
        *,
        load: Callable[[bytes], Awaitable[R | None]],
        dump_record: Callable[[R], bytes],
        load_record: Callable[[bytes], R | None],
        records: TokenRecords,
        link: RedisLink,
        clock: Clock,
        max_cached: int = MAX_CACHED,
    ) -> None:
        """`load` reads Postgres by digest; `dump_record` and `load_record` are the form in Redis."""
        self._max_cached = max_cached
        self._kind = kind
        self._load = load
        self._dump_record = dump_record
        self._load_record = load_record
        self._records = records
        self._link = link
        self._clock = clock
        self._cached: dict[bytes, _Cached[R]] = {}
        self._flights: dict[bytes, _Flight[R]] = {}
        self._reading: set[asyncio.Task[R | None]] = set()
        """All look-ups under way, those nobody may join any more included."""
        self._prefix = message_of(kind, b"")
        self._on_doubt: list[Callable[[bytes | None], None]] = []
        link.listen(CHANNEL, on_message=self._heard, on_flush=self.flush)

    async def find(self, digest: bytes) -> R | None:
        """The principal, or None for a token that is unknown, revoked or expired.

        Raises:
            StoreUnavailableError: neither store can tell.
        """
        cached = self._cached.get(digest)
        if cached is None or cached.until <= self._clock.monotonic():
            record = await self._share(digest)
            return record if record is not None and self._is_live(record) else None
        return self._live_record(cached)

    def at_hand(self, digest: bytes) -> R | None:
        """What this process holds of it; None says nothing, `find` must be asked."""
        cached = self._cached.get(digest)
        if cached is None or cached.until <= self._clock.monotonic():
            return None
        return self._live_record(cached)

    async def find_for_write(self, digest: bytes) -> R | None:
        """As `find`, but a copy counts only while announcements can arrive; without them Postgres is asked.

        A look-up under way is not joined then: it may have read before what is looked for.

        Raises:
            StoreUnavailableError: neither store can tell.
        """
        if self._link.available:
            return await self.find(digest)
        record = await self._load(digest)
        return record if record is not None and self._is_live(record) else None

    def on_doubt(self, tell: Callable[[bytes | None], None]) -> None:
        """For who acts on a token for longer than one look-up: be told which one may have changed; None: any of them.

        `find` called from then on gives the new state.
        """
        self._on_doubt.append(tell)

    def invalidate(self, digest: bytes) -> None:
        """Drop what this process holds; a look-up under way is not kept and nobody new joins it."""
        self._cached.pop(digest, None)
        self._flights.pop(digest, None)
        self._doubt(digest)

    def flush(self) -> None:
        """Drop everything this process holds."""
        self._cached.clear()
        self._flights.clear()
        self._doubt(None)

    def _doubt(self, digest: bytes | None) -> None:
        for tell in self._on_doubt:
            tell(digest)

    async def aclose(self) -> None:
        """End the look-ups that nobody waits for any more."""
        await cancel_all(self._reading)

    def _heard(self, message: bytes) -> None:
        if not message.startswith(self._prefix):
            return
        try:
            digest = bytes.fromhex(message[len(self._prefix) :].decode())
        except ValueError:
            # Something changed, and it cannot be told what: another version of the gateway, or a stranger.
            self.flush()
        else:
            self.invalidate(digest)

    def _live_record(self, cached: _Cached[R]) -> R | None:
        # Most tokens have no end, and to know that costs less than the time of day.
        is_dead = cached.expires != _NEVER and cached.expires <= self._clock.now().timestamp()
        return None if is_dead else cached.record

    def _is_live(self, record: R) -> bool:
        return record.expires_at is None or record.expires_at > self._clock.now()

    async def _share(self, digest: bytes) -> R | None:
        flight = self._flights.get(digest)
        if flight is None:
            flight = self._flights[digest] = _Flight(asyncio.create_task(self._read_through(digest)))
            self._reading.add(flight.task)
            flight.task.add_done_callback(lambda task: self._landed(digest, flight, task))
        # A caller that goes away must not take the answer from the others.
        return await asyncio.shield(flight.task)

    def _landed(self, digest: bytes, flight: "_Flight[R]", task: "asyncio.Task[R | None]") -> None:
        self._reading.discard(task)
        if self._flights.get(digest) is flight:
            del self._flights[digest]
        if not task.cancelled():
            task.exception()  # read here too, in case every caller has gone

    async def _read_through(self, digest: bytes) -> R | None:
        flight = self._flights.get(digest)
        started = self._clock.monotonic()
        record = await self._read(digest)
        if flight is not None and self._flights.get(digest) is flight:
            self._keep(digest, record, started)
        return record

    async def _read(self, digest: bytes) -> R | None:
        try:
            reading = await self._records.read(self._kind, digest)
        except RedisDownError:
            return await self._load(digest)
        if reading.dead:
            return None
        if reading.payload is not None and (record := self._load_record(reading.payload)) is not None:
            return record
        lease = reading.lease
        record = await self._load(digest)
        if record is not None and lease is not None:
            await self._fill(digest, record, lease)
        return record

    async def _fill(self, digest: bytes, record: R, lease: str) -> None:
        seconds = float(REDIS_RECORD_SECONDS)
        if record.expires_at is not None:
            seconds = min(seconds, (record.expires_at - self._clock.now()).total_seconds())
        if seconds <= 0:
            return
        payload = self._dump_record(record)
        try:
            await self._records.fill(
                self._kind, digest, lease=lease, version=record.version, payload=payload, seconds=seconds
            )
        except RedisDownError:
            return

    def _keep(self, digest: bytes, record: R | None, started: float) -> None:
        seconds = PROCESS_CACHE_SECONDS if self._link.available else DEGRADED_CACHE_SECONDS
        expires_at = None if record is None else record.expires_at
        self._cached.pop(digest, None)
        self._cached[digest] = _Cached(
            record=record,
            until=started + seconds,
            expires=_NEVER if expires_at is None else expires_at.timestamp(),
        )
        if len(self._cached) > self._max_cached:
            # Oldest first: every copy lives equally long, so the first one in is the first to be useless.
            del self._cached[next(iter(self._cached))]
