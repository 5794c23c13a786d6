"""The event streams this process holds: opened, found from any replica, told their answers, and ended in time.

A stream ends with its token. It is looked up again whenever its record may have changed, every two seconds while Redis
cannot say so, and every half minute in any case; its expiry is watched by the clock.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit import tokens
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.stream_ids import StreamIds
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.events import event
from mcp_gateway.services.call_limits import Bulkhead
from mcp_gateway.services.stream import MAX_UNREAD_BYTES, CloseReason, Stream, Unread
from mcp_gateway.services.stream_calls import RemoteStream
from mcp_gateway.storage.redis_link import RedisDownError
from mcp_gateway.storage.stream_relay import Liveness, StreamRelay
from mcp_gateway.storage.token_store import TokenStore
from mcp_gateway.telemetry.metrics import Metrics

TICK_SECONDS = 0.5
DRAIN_TICK_SECONDS = 0.1
MARK_SECONDS = 15.0
"""How often the keys that say which streams are open are written again; they live three times as long."""
DEAF_POLL_SECONDS = 2.0
POLL_SECONDS = 30.0
CHECKS_AT_ONCE = 4
"""Look-ups of tokens at one time: each may cost a read of Postgres, and calls need its connections more."""

logger = structlog.get_logger(__name__)


class DeadTokenError(Exception):
    """The token died while the stream was being opened."""


class StreamGoneError(Exception):
    """No stream of this server has this id, or it has ended."""


class StreamEndingError(Exception):
    """The process that holds the stream is stopping: the stream gets the answers that are under way, and no more."""


class TooManyStreamsError(Exception):
    """The process, the server or its tenant has as many streams as it may have, or the process is stopping."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Streams one process holds at a time, and messages it works on for streams of whatever process."""

    streams: int
    per_server: int
    per_tenant: int
    calls_per_server: int
    unread_bytes: int = MAX_UNREAD_BYTES
    """What may wait to be sent, for all streams together."""


@dataclass(slots=True)
class _TokenStreams:
    """The streams that were opened with one token."""

    expires_at: datetime | None
    streams: set[Stream] = field(default_factory=set)


class StreamHub:
    """Holds streams; `keep_forever` and `watch_forever` are two tasks for the life of the process."""

    def __init__(
        self,
        *,
        ids: StreamIds,
        relay: StreamRelay,
        server_tokens: TokenStore[ServerPrincipal],
        hears: Callable[[], bool],
        clock: Clock,
        metrics: Metrics,
        limits: StreamLimits,
        mark_seconds: float = MARK_SECONDS,
    ) -> None:
        """`hears` says whether revocations by other processes are heard of now."""
        self.places = Bulkhead(limits.calls_per_server)
        self._hears = hears
        self._ids = ids
        self._relay = relay
        self._server_tokens = server_tokens
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._mark_seconds = mark_seconds
        self._streams: dict[str, Stream] = {}
        self._by_token: dict[bytes, _TokenStreams] = {}
        self._places: Counter[str] = Counter()
        """By server and by tenant: a stream has its place until its connection is done with, maybe after its end."""
        self._placed = 0
        """All of them together."""
        self._doubtful: set[bytes] = set()
        self._doubted = asyncio.Event()
        self._unread = Unread()
        self._gone: list[str] = []
        self._stirred = asyncio.Event()
        self._marks_due = 0.0
        self._stopping = False
        self._idle: set[str] = set()
        """While stopping: the streams that nothing was to come for a moment ago."""
        server_tokens.on_doubt(self._doubt)
        relay.listen(holds=self._streams.__contains__, on_answer=self._answered_elsewhere, on_flush=self._marks_lost)

    async def open(self, token: str, principal: ServerPrincipal) -> Stream:
        """A new stream for a token that was just found to stand for `principal`; `release` must follow.

        Raises:
            TooManyStreamsError: come back later.
            DeadTokenError: the token is no longer alive.
        """
        self._take_place(principal)
        # Never None: what was found is well-formed.
        digest = tokens.parse(token, MCP_TOKEN_PREFIX) or b""
        stream_id = self._ids.new(principal.server_id)
        stream = Stream(stream_id, principal.server_id, principal.tenant_id, digest, self._unread)
        self._streams[stream.id] = stream
        self._by_token.setdefault(digest, _TokenStreams(principal.expires_at)).streams.add(stream)
        try:
            # Once more, now that a revocation finds the stream: it may have been announced in between.
            await self._check(digest)
            await self._mark(stream)
        except BaseException:
            self.release(stream)
            raise
        if stream.closed is not None:
            self.release(stream)
            raise TooManyStreamsError if stream.closed is CloseReason.STOPPING else DeadTokenError
        return stream

    def release(self, stream: Stream) -> None:
        """The stream's connection is done with."""
        self.close(stream, CloseReason.CLIENT_GONE)
        # Told again, in case its key was being written while it ended.
        self._gone.append(stream.id)
        self._stirred.set()
        self._leave_place(stream)
        logger.info("sse.closed", server_id=stream.server_id, reason=stream.closed)

    def close(self, stream: Stream, reason: CloseReason) -> None:
        """End a stream; a second time does nothing."""
        if stream.closed is not None:
            return
        stream.close(reason)
        del self._streams[stream.id]
        opened_with = self._by_token[stream.digest]
        opened_with.streams.discard(stream)
        if not opened_with.streams:
            del self._by_token[stream.digest]
        self._gone.append(stream.id)
        self._stirred.set()

    def drain(self) -> None:
        """Open no more streams and take no more messages for those there are: the process is about to stop.

        Each stream ends, in order, once it has the answers that are under way and its client has read them.
        """
        self._stopping = True
        self._marks_lost()  # so that they are written again, with what is true now

    async def begin(self, stream_id: str, server_id: str) -> Stream | RemoteStream:
        """A living stream of this server, on whatever replica, for the answer of one message; `end` must follow.

        Raises:
            StreamEndingError: its process is stopping.
            StreamGoneError: forged, another server's, or at its end.
            StoreUnavailableError: another replica holds it, and whether it still does cannot be told.
        """
        process = self._ids.process_of(stream_id, server_id)
        if process is None:
            raise StreamGoneError
        if process == self._ids.process:
            stream = self._streams.get(stream_id)
            if stream is None:
                raise StreamGoneError
            if self._stopping:
                raise StreamEndingError
            stream.calls += 1
            return stream
        try:
            liveness = await self._relay.begin_call(stream_id, process)
        except RedisDownError as exc:
            raise StoreUnavailableError("Redis cannot say whether the stream is open") from exc
        if liveness is Liveness.GONE:
            raise StreamGoneError
        if liveness is Liveness.ENDING:
            raise StreamEndingError
        return RemoteStream(stream_id, process, partial(self._is_open, stream_id))

    async def end(self, stream: Stream | RemoteStream) -> None:
        """The message has its answer, or needs none any more."""
        if isinstance(stream, Stream):
            stream.calls -= 1
            if self._stopping:
                self._stirred.set()
            return
        with suppress(RedisDownError):
            await self._relay.end_call(stream.id)

    async def tell(self, stream: Stream | RemoteStream, answer: bytes) -> None:
        """Send an answer to the client of a stream; what cannot reach it any more is logged and dropped."""
        if isinstance(stream, Stream):
            self._tell_here(stream, answer)
            return
        try:
            taken = await self._relay.send(stream.id, stream.process, answer)
            reason = "nobody listens"
        except RedisDownError:
            taken, reason = False, "redis down"
        if not taken:
            logger.warning("sse.undelivered", reason=reason)

    async def keep_forever(self) -> None:
        """Watch the clock, and keep what Redis says of our streams true."""
        while True:
            await _wait(self._stirred, DRAIN_TICK_SECONDS if self._stopping else TICK_SECONDS)
            try:
                self._close_expired()
                self._relay.forget_stale()
                await self._write_marks()
                if self._stopping:
                    await self._close_idle()
            except Exception:
                # The loop must outlive any bug in one round of it.
                logger.exception("upkeep.failed")

    async def watch_forever(self) -> None:
        """Look tokens up again that may have died."""
        loop = asyncio.get_running_loop()
        polled = loop.time()
        while True:
            await _wait(self._doubted, DEAF_POLL_SECONDS)
            if loop.time() - polled >= (POLL_SECONDS if self._hears() else DEAF_POLL_SECONDS):
                polled = loop.time()
                self._doubtful.update(self._by_token)
            try:
                await self._check_doubtful()
            except Exception:
                logger.exception("upkeep.failed")

    async def aclose(self) -> None:
        """End all streams and take back what Redis says of them."""
        self._stopping = True
        self._close_all(list(self._streams.values()), CloseReason.STOPPING)
        try:
            await self._relay.unmark(self._gone)
        except RedisDownError:
            logger.debug("sse.marks_left", streams=len(self._gone))

    def _take_place(self, principal: ServerPrincipal) -> None:
        places, limits = self._places, self._limits
        is_full = (
            self._placed >= limits.streams
            or places[principal.server_id] >= limits.per_server
            or places[principal.tenant_id] >= limits.per_tenant
        )
        if self._stopping or is_full:
            raise TooManyStreamsError
        self._placed += 1
        places.update((principal.server_id, principal.tenant_id))
        self._metrics.stream_opened()

    def _leave_place(self, stream: Stream) -> None:
        self._placed -= 1
        for key in (stream.server_id, stream.tenant_id):
            self._places[key] -= 1
            if not self._places[key]:
                del self._places[key]
        self._metrics.stream_closed()

    async def _is_open(self, stream_id: str) -> bool:
        try:
            return await self._relay.is_alive(stream_id)
        except RedisDownError as exc:
            raise StoreUnavailableError("Redis cannot say whether the stream is open") from exc

    async def _mark(self, stream: Stream) -> None:
        try:
            await self._relay.mark([stream.id])
        except RedisDownError:
            # Our own replica does without the key, so the stream may open; it is written as soon as can be.
            self._marks_lost()

    def _tell_here(self, stream: Stream, answer: bytes) -> None:
        if stream.closed is not None:
            logger.info("sse.undelivered", reason="the stream is gone")
        elif not stream.put(event(answer)):
            self._close_slow(stream)
        while self._unread.total > self._limits.unread_bytes:
            # Whoever lets most of it wait; the answer that was too much may be another stream's first.
            self._close_slow(max(self._streams.values(), key=lambda one: one.waiting_bytes))

    def _close_slow(self, stream: Stream) -> None:
        logger.warning("sse.slow_reader", server_id=stream.server_id)
        self.close(stream, CloseReason.SLOW_READER)

    def _answered_elsewhere(self, stream_id: str, answer: bytes) -> None:
        self._tell_here(self._streams[stream_id], answer)

    def _doubt(self, digest: bytes | None) -> None:
        self._doubtful.update(self._by_token if digest is None else self._by_token.keys() & {digest})
        if self._doubtful:
            self._doubted.set()

    def _marks_lost(self) -> None:
        self._marks_due = 0.0
        self._stirred.set()

    async def _check_doubtful(self) -> None:
        doubtful, self._doubtful = list(self._doubtful), set()
        for start in range(0, len(doubtful), CHECKS_AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for digest in doubtful[start : start + CHECKS_AT_ONCE]:
                    group.create_task(self._check_safely(digest))

    async def _check_safely(self, digest: bytes) -> None:
        try:
            await self._check(digest)
        except Exception:
            # One that fails must not cost the others their turn, nor itself the next.
            logger.exception("upkeep.failed")
            self._doubtful.add(digest)

    async def _check(self, digest: bytes) -> None:
        try:
            principal = await self._server_tokens.find(digest)
        except StoreUnavailableError:
            # Nobody can tell, so nobody said that it is dead: asked again soon.
            self._doubtful.add(digest)
            return
        opened_with = self._by_token.get(digest)
        if opened_with is None:
            return
        if principal is not None:
            opened_with.expires_at = principal.expires_at
        else:
            reason = CloseReason.EXPIRED if self._has_expired(opened_with) else CloseReason.REVOKED
            self._close_all(list(opened_with.streams), reason)

    def _close_expired(self) -> None:
        for opened_with in [one for one in self._by_token.values() if self._has_expired(one)]:
            self._close_all(list(opened_with.streams), CloseReason.EXPIRED)

    async def _close_idle(self) -> None:
        """While stopping: end the streams that nothing more is to come for."""
        try:
            awaited = await self._relay.awaited(list(self._streams))
        except RedisDownError:
            awaited = set()  # nothing can arrive either
        idle = {one.id for one in self._streams.values() if one.is_idle} - awaited
        # Twice in a row: an answer may have left Redis, and its call the count, before it has been read here.
        self._close_all([self._streams[stream_id] for stream_id in idle & self._idle], CloseReason.STOPPING)
        self._idle = idle

    def _has_expired(self, opened_with: _TokenStreams) -> bool:
        return opened_with.expires_at is not None and opened_with.expires_at <= self._clock.now()

    def _close_all(self, streams: Iterable[Stream], reason: CloseReason) -> None:
        for stream in streams:
            self.close(stream, reason)

    async def _write_marks(self) -> None:
        now = asyncio.get_running_loop().time()
        gone = list(self._gone)
        try:
            await self._relay.unmark(gone)
            del self._gone[: len(gone)]
            if self._marks_due <= now:
                # Before the first write: what is lost meanwhile sets it back.
                self._marks_due = now + self._mark_seconds
                await self._relay.mark(list(self._streams), ending=self._stopping)
        except RedisDownError:
            # Keys that could not be deleted end by themselves, sooner than they would be remembered here.
            self._gone.clear()
            self._marks_due = 0.0


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event, which is cleared then, or for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
