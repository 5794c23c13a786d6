"""Streams across replicas: which ones are alive, and answers on their way to the process that holds one.

Key `rpgw:stream-alive:{stream}` says that a stream is open; it lives 45 seconds and its holder writes it again every
15. Channel `rpgw:stream:{process}` carries what is for the streams of one process.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from redis.asyncio import Redis

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink
from mcp_gateway.storage.stream_pieces import Assembly, NotHeldError, PieceError, split

ALIVE_SECONDS = 45
BATCH = 100
"""Keys in one pipeline: few enough for other work to come in between."""
PIECES_AT_ONCE = 8
PAUSE_SECONDS = 0.02
"""After so many pieces: Redis cuts a subscriber that is 32 MiB behind, and the same one hears of revoked tokens."""

logger = structlog.get_logger(__name__)


class StreamRelay:
    """One process' end of it."""

    def __init__(self, redis: "Redis", link: RedisLink, sealer: Sealer, clock: Clock, process: str) -> None:
        """`process` is the name of this process in stream ids."""
        self._redis = redis
        self._link = link
        self._sealer = sealer
        self._clock = clock
        self._process = process

    @property
    def hears(self) -> bool:
        """Whether announcements of other processes arrive now."""
        return self._link.available

    def listen(
        self, *, holds: Callable[[str], bool], on_answer: Callable[[str, bytes], None], on_flush: Callable[[], None]
    ) -> None:
        """Be told of each answer for a stream that is held, and of moments in which keys or answers may be lost."""
        self._assembly = Assembly(self._sealer, holds, self._clock.monotonic)
        self._on_answer = on_answer
        self._on_flush = on_flush
        self._link.listen(_channel(self._process), on_message=self._heard, on_flush=self._flushed)

    async def mark(self, stream_ids: Sequence[str]) -> None:
        """Say that these streams are open.

        Raises:
            RedisDownError: not said, or not of all of them.
        """
        for start in range(0, len(stream_ids), BATCH):
            with self._link.guard():
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for stream_id in stream_ids[start : start + BATCH]:
                        pipeline.set(_key(stream_id), b"1", ex=ALIVE_SECONDS)
                    await pipeline.execute()

    async def unmark(self, stream_ids: Sequence[str]) -> None:
        """Say that these streams are closed.

        Raises:
            RedisDownError: not said; the keys end by themselves.
        """
        for start in range(0, len(stream_ids), BATCH):
            with self._link.guard(trusted=False):
                await self._redis.delete(*map(_key, stream_ids[start : start + BATCH]))

    async def is_alive(self, stream_id: str, process: str) -> bool:
        """Whether a stream of another process is open, and an answer for it would arrive.

        Raises:
            RedisDownError: that cannot be told, or its holder does not listen at the moment.
        """
        with self._link.guard():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.exists(_key(stream_id))
                pipeline.pubsub_numsub(_channel(process))
                exists, [(_, listeners)] = await pipeline.execute()
        if exists and not listeners:
            raise RedisDownError
        return bool(exists)

    async def send(self, stream_id: str, process: str, answer: bytes) -> bool:
        """Send an answer of at most MAX_STREAMED_ANSWER_BYTES to the stream's holder; False when nobody took it.

        Raises:
            RedisDownError: it did not arrive, or not whole.
        """
        channel = _channel(process)
        for number, piece in enumerate(split(self._sealer, stream_id, answer), start=1):
            # Sealed, so it may go out over a Redis that is not trusted at the moment.
            with self._link.guard(trusted=False):
                if not await self._redis.publish(channel, piece):
                    return False
            if number % PIECES_AT_ONCE == 0:
                await asyncio.sleep(PAUSE_SECONDS)
        return True

    def forget_stale(self) -> None:
        """Drop answers that will never be complete."""
        self._assembly.forget_stale()

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


def _channel(process: str) -> str:
    return f"rpgw:stream:{process}"
