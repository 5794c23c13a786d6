"""Streams across replicas: which ones are alive, and answers on their way to the process that holds one.

Key `rpgw:stream-alive:{stream}` says that a stream is `open`, or is `ending` with its process and takes no more
messages; it lives 45 seconds and its holder writes it again every 15. Key `rpgw:stream-calls:{stream}` counts what
other processes are working on for it. Channel `rpgw:stream:{process}` carries what is for the streams of one process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import structlog
from redis.asyncio import Redis

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink
from mcp_gateway.storage.stream_pieces import PIECE_BYTES, Assembly, NotHeldError, PieceError, split

ALIVE_SECONDS = 45
BATCH = 100
"""Keys in one pipeline: few enough for other work to come in between."""
CALL_SECONDS = 60
"""A call that was counted and never ended lost its process; longer than any healthy call."""
PIECES_AT_ONCE = 4
PAUSE_SECONDS = 0.05
"""After so many pieces, a MiB of them: Redis cuts a subscriber that is 32 MiB behind."""

OPEN, ENDING = b"open", b"ending"

logger = structlog.get_logger(__name__)


class Liveness(Enum):
    """What Redis says of a stream."""

    OPEN = "open"
    ENDING = "ending"
    GONE = "gone"


class StreamRelay:
    """One process' end of it.

    Its link should be its own: answers may be large, and a subscription that Redis cuts for lagging behind must not be
    the one that hears of revoked tokens.
    """

    def __init__(
        self,
        redis: "Redis",
        link: RedisLink,
        sealer: Sealer,
        clock: Clock,
        process: str,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`process` is the name of this process in stream ids; `pause` waits so many seconds between pieces."""
        self._redis = redis
        self._link = link
        self._sealer = sealer
        self._clock = clock
        self._process = process
        self._pause = pause
        self._large = asyncio.Lock()

    def listen(
        self, *, holds: Callable[[str], bool], on_answer: Callable[[str, bytes], None], on_flush: Callable[[], None]
    ) -> None:
        """Be told of each answer for a stream that is held, and of moments in which keys or answers may be lost."""
        self._assembly = Assembly(self._sealer, holds, self._clock.monotonic)
        self._on_answer = on_answer
        self._on_flush = on_flush
        self._link.listen(_channel(self._process), on_message=self._heard, on_flush=self._flushed)

    async def mark(self, stream_ids: Sequence[str], *, ending: bool = False) -> None:
        """Say that these streams are open, or are ending.

        Raises:
            RedisDownError: not said, or not of all of them.
        """
        for start in range(0, len(stream_ids), BATCH):
            with self._link.guard():
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for stream_id in stream_ids[start : start + BATCH]:
                        pipeline.set(_key(stream_id), ENDING if ending else OPEN, ex=ALIVE_SECONDS)
                    await pipeline.execute()

    async def unmark(self, stream_ids: Sequence[str]) -> None:
        """Say that these streams are closed.

        Raises:
            RedisDownError: not said; the keys end by themselves.
        """
        for start in range(0, len(stream_ids), BATCH):
            with self._link.guard(trusted=False):
                await self._redis.delete(*map(_key, stream_ids[start : start + BATCH]))

    async def begin_call(self, stream_id: str, process: str) -> Liveness:
        """What a stream of another process is, and, if it is open, count one call for it; `end_call` must follow.

        Raises:
            RedisDownError: that cannot be told, or its holder does not listen at the moment.
        """
        calls = _calls_key(stream_id)
        with self._link.guard():
            async with self._redis.pipeline(transaction=False) as pipeline:
                # Counted before it is read: a holder that says `ending` afterwards finds the call in the count.
                pipeline.incr(calls)
                pipeline.expire(calls, CALL_SECONDS)
                pipeline.get(_key(stream_id))
                pipeline.pubsub_numsub(_channel(process))
                _, _, state, [(_, listeners)] = await pipeline.execute()
        liveness = _liveness(state)
        if liveness is not Liveness.OPEN or not listeners:
            await self.end_call(stream_id)
        if liveness is not Liveness.GONE and not listeners:
            raise RedisDownError
        return liveness

    async def end_call(self, stream_id: str) -> None:
        """One call for a stream of another process has ended.

        Raises:
            RedisDownError: not said; the count ends by itself.
        """
        with self._link.guard():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.decr(_calls_key(stream_id))
                pipeline.expire(_calls_key(stream_id), CALL_SECONDS)
                await pipeline.execute()

    async def is_alive(self, stream_id: str) -> bool:
        """Whether a stream of another process is open still, or ending.

        Raises:
            RedisDownError: that cannot be told.
        """
        with self._link.guard():
            return bool(await self._redis.exists(_key(stream_id)))

    async def awaited(self, stream_ids: Sequence[str]) -> set[str]:
        """Those of our streams that other processes are working for.

        Raises:
            RedisDownError: that cannot be told.
        """
        busy = self._assembly.unfinished()
        for start in range(0, len(stream_ids), BATCH):
            batch = stream_ids[start : start + BATCH]
            with self._link.guard():
                counts = await self._redis.mget([_calls_key(stream_id) for stream_id in batch])
            busy.update(stream_id for stream_id, count in zip(batch, counts, strict=True) if _is_positive(count))
        return busy

    async def send(self, stream_id: str, process: str, answer: bytes) -> bool:
        """Send an answer of at most MAX_STREAMED_ANSWER_BYTES to the stream's holder; False when nobody took it.

        Raises:
            RedisDownError: it did not arrive, or not whole.
        """
        if len(answer) <= PIECE_BYTES:
            return await self._publish(stream_id, process, answer)
        # One large answer at a time: several would be more than the pace allows.
        async with self._large:
            return await self._publish(stream_id, process, answer)

    def forget_stale(self) -> None:
        """Drop answers that will never be complete."""
        self._assembly.forget_stale()

    async def _publish(self, stream_id: str, process: str, answer: bytes) -> bool:
        for number, piece in enumerate(split(self._sealer, stream_id, answer)):
            if number and number % PIECES_AT_ONCE == 0:
                await self._pause(PAUSE_SECONDS)
            # Sealed, so it may go out over a Redis that is not trusted at the moment.
            with self._link.guard(trusted=False):
                if not await self._redis.publish(_channel(process), piece):
                    return False
        return True

    def _heard(self, piece: bytes) -> None:
        try:
            whole = self._assembly.add(piece)
        except NotHeldError:
            logger.info("sse.undelivered", reason="the stream is gone")
        except PieceError as exc:
            logger.warning("sse.piece_refused", reason=str(exc))
        else:
            if whole is not None:
                self._on_answer(*whole)

    def _flushed(self) -> None:
        self._assembly.forget_all()
        self._on_flush()


def _key(stream_id: str) -> str:
    return f"rpgw:stream-alive:{stream_id}"


def _calls_key(stream_id: str) -> str:
    return f"rpgw:stream-calls:{stream_id}"


def _liveness(state: bytes | None) -> Liveness:
    if state is None:
        return Liveness.GONE
    return Liveness.OPEN if state == OPEN else Liveness.ENDING


def _is_positive(count: bytes | str | None) -> bool:
    return count is not None and count.isdigit() and int(count) > 0


def _channel(process: str) -> str:
    return f"rpgw:stream:{process}"
