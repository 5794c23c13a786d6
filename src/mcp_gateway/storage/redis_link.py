"""One door to Redis: whether it can be trusted now, and what it announces.

Redis is a fast copy, never the truth. The moment a command fails or the subscription breaks, the link counts as down:
its listeners drop what they hold, and nobody reads Redis until a fresh subscription stands, a command has succeeded,
and everything that could not be announced meanwhile has been: a Redis that only hung comes back with its old records,
and they are still those of its run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from mcp_gateway.kit.lag import LoopLag

T = TypeVar("T")

COMMAND_SECONDS = 0.15
"""Longer than any healthy command; Postgres is the quicker answer after that."""
CONNECT_SECONDS = 0.5
POLL_SECONDS = 0.25
SILENCE_SECONDS = 2.0
"""A subscription that does not answer a ping this long is taken for cut."""
MAX_CONNECTIONS = 64
FAIR_SECONDS = COMMAND_SECONDS / 2
"""A time-out says something of Redis only if this much of it was spent listening, with a loop that was not late."""

logger = structlog.get_logger(__name__)


class RedisDownError(Exception):
    """Redis did not answer, or is not trusted at the moment."""


class PatientPool(BlockingConnectionPool):
    """Tells a burst of our own, which waited too long for a connection, from a connection that failed."""

    async def get_connection(self, *_: Any, **__: Any) -> AbstractConnection:
        """A connection, once there is one."""
        try:
            connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        except RedisConnectionError as exc:
            # The cause alone tells that it was the wait; a connection that fails has others.
            if isinstance(exc.__cause__, asyncio.TimeoutError):
                raise MaxConnectionsError(str(exc)) from exc
            raise
        return connection


def open_redis(url: str) -> "Redis":
    """A client that fails fast and never repeats a command by itself."""
    # Blocking: a burst of look-ups waits its turn for a connection, instead of failing as if Redis were gone.
    pool = PatientPool.from_url(
        url,
        timeout=COMMAND_SECONDS,
        socket_timeout=COMMAND_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        max_connections=MAX_CONNECTIONS,
        client_name="mcp-gateway",
        # With them the client hands out connections without seeing whether they were closed meanwhile, so that each one
        # of before a restart would count as Redis lost again; and they would override the time-outs above.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis.from_pool(pool)


class RedisLink:
    """Watches Redis; `run` is one task for the life of the process."""

    def __init__(self, redis: "Redis", carries: str = "tokens") -> None:
        """`carries` is a word for the log: whose announcements come over this subscription."""
        self._redis = redis
        self._logger = logger.bind(link=carries)
        self._available = False
        self._changed = asyncio.Event()
        self._on_message: dict[bytes, list[Callable[[bytes], None]]] = {}
        self._on_flush: list[Callable[[], None]] = []
        self._lag = LoopLag()
        self._catch_up: Callable[[], Awaitable[bool]] | None = None

    @property
    def available(self) -> bool:
        """Whether Redis may be read and written now."""
        return self._available

    def listen(self, channel: str, *, on_message: Callable[[bytes], None], on_flush: Callable[[], None]) -> None:
        """Be told of every message on a channel, and of every moment in which some may have been missed.

        All of them share one subscription, so this comes before `run`; neither callback may raise.
        """
        self._on_message.setdefault(channel.encode(), []).append(on_message)
        self._on_flush.append(on_flush)

    def catch_up_with(self, catch_up: Callable[[], Awaitable[bool]]) -> None:
        """What must have been announced before Redis is trusted; False from `catch_up` means: not yet."""
        self._catch_up = catch_up

    @contextmanager
    def guard(self, *, trusted: bool = True, may_refuse: bool = True) -> Iterator[None]:
        """Around a command: refuses while the link is down, and takes a failed connection as the link going down.

        Not so a command that timed out while this process was too busy to look at the answer. A refused command (out
        of memory, read-only, a key of another type) says nothing of the link either: only this one answer is not to be
        had from Redis. Announcements, which only ever say no, may go out with `trusted=False` before the link counts
        as up; where one is refused (`may_refuse=False`) Redis keeps records that are no longer true, and so the link
        counts as down until it has been announced.

        Raises:
            RedisDownError: use Postgres instead.
        """
        if trusted and not self._available:
            raise RedisDownError
        started = asyncio.get_running_loop().time()
        try:
            yield
        except (ResponseError, MaxConnectionsError) as exc:
            self._logger.warning("redis.refused", reason=type(exc).__name__)
            if not may_refuse and isinstance(exc, ResponseError):
                self._lost(exc)
            raise RedisDownError from exc
        except (TimeoutError, RedisError, OSError) as exc:
            if self._was_unfair(exc, started):
                self._logger.warning("redis.refused", reason="this process was busy")
            else:
                self._lost(exc)
            raise RedisDownError from exc

    def _was_unfair(self, exc: BaseException, started: float) -> bool:
        if not isinstance(exc, TimeoutError | RedisTimeoutError):
            return False
        passed = asyncio.get_running_loop().time() - started
        return passed - self._lag.since(started) < FAIR_SECONDS

    async def run(self) -> None:
        """Hold a subscription for ever; a lost one is made anew."""
        with self._lag.measured():
            await self._run()

    async def _run(self) -> None:
        while True:
            pubsub = self._redis.pubsub()
            try:
                await pubsub.subscribe(*self._on_message)
                await self._serve(pubsub)
            except (TimeoutError, RedisError, OSError, RedisDownError) as exc:
                self._lost(exc)
            except Exception as exc:
                # A link that ended for good would leave this replica deaf, and nobody would notice.
                self._logger.exception("redis.link_failed")
                self._lost(exc)
            finally:
                await _quietly(pubsub.aclose())  # type: ignore[no-untyped-call]
            await asyncio.sleep(POLL_SECONDS)

    async def wait_until(self, *, available: bool) -> None:
        """Return once the link is up, or down."""
        while self._available is not available:
            self._changed.clear()
            await self._changed.wait()

    async def _serve(self, pubsub: PubSub) -> None:
        """Hand on messages until the subscription breaks; probe it whenever it is silent."""
        loop = asyncio.get_running_loop()
        was_restored = False
        heard = loop.time()
        while True:
            if not self._available:
                if was_restored:
                    # A command failed since. Where commands go now, this subscription need not be: make a fresh one.
                    return
                await self._redis.ping()
                if self._catch_up is None or await self._catch_up():
                    self._restored()
                    was_restored = True
                heard = loop.time()
            message = await pubsub.get_message(timeout=POLL_SECONDS)
            now = loop.time()
            if message is not None:
                heard = now
                if message["type"] == "message":
                    for tell in self._on_message[message["channel"]]:
                        tell(message["data"])
            elif now - heard > SILENCE_SECONDS:
                raise TimeoutError("the subscription is silent")
            elif now - heard > POLL_SECONDS:
                await pubsub.ping()

    def _lost(self, exc: BaseException) -> None:
        was_available, self._available = self._available, False
        self._flush()
        if was_available:
            self._logger.warning("redis.lost", reason=type(exc).__name__)
            self._changed.set()

    def _restored(self) -> None:
        # Flush first: what was cached while announcements could be missed is not trusted.
        self._flush()
        self._available = True
        self._logger.info("redis.available")
        self._changed.set()

    def _flush(self) -> None:
        for tell in self._on_flush:
            tell()


async def _quietly(closing: Awaitable[T]) -> None:
    try:
        await closing
    except (TimeoutError, RedisError, OSError):
        logger.debug("redis.close_failed")
