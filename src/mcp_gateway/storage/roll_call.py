"""Asks every process of the gateway whether it has dropped its copies of what was just announced.

Each process is in a sorted set in Redis, with the time it was last heard of, before it trusts Redis. The question is
published behind the announcements: one publisher's messages arrive in their order, on one subscription, so a process
that hears the question has acted on them all. The answers come over a channel that belongs to the process that asked.

Nothing is decided by an answer: a stranger who publishes can make a receipt wrong, and no token live longer.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex

import structlog
from redis.asyncio import Redis

from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.revocation import ReplicaCount
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink

KEY = "rpgw:replicas"
QUESTIONS = "rpgw:roll-call"
ANSWERS = "rpgw:confirmed:"
BEAT_SECONDS = 1.0
FORGET_SECONDS = 15.0
"""A process not heard of for so long is not waited for. If it still runs, it has had no Redis for that time, and so
asks Postgres at least once a second."""
WAIT_SECONDS = 0.3
"""How long an asker waits for answers."""
MAX_ANSWERING = 1000
"""Answers on their way at a time; what is asked beyond that stays unconfirmed."""

_ID = rb"[0-9a-f]{16}"
_QUESTION = re.compile(rb"(%b):(%b)" % (_ID, _ID))
_ANSWER = re.compile(rb"(%b):(%b)" % (_ID, _ID))

# Redis' own clock, so that those of the machines need not agree.
BEAT = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1] + now[2] / 1000000, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
ASK = """
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now[1] + now[2] / 1000000 - ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Asked:
    confirmed: set[bytes]
    heard: asyncio.Event = field(default_factory=asyncio.Event)


class RollCall:
    """Knows the processes, asks them, and answers for this one; `attend_forever` is a task for the life of it."""

    def __init__(self, redis: "Redis", link: RedisLink) -> None:
        """`link` must be the one that the announcements of tokens come over."""
        self._redis = redis
        self._link = link
        self._process = token_hex(8).encode()
        self._asked: dict[bytes, _Asked] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._beat = redis.register_script(BEAT)
        self._ask = redis.register_script(ASK)
        link.listen(QUESTIONS, on_message=self._questioned, on_flush=_nothing)
        link.listen(ANSWERS + self._process.decode(), on_message=self._answered, on_flush=_nothing)

    async def register(self) -> None:
        """Be known, and for a while from now on; also before Redis is trusted.

        Raises:
            RedisDownError: Redis did not take it.
        """
        with self._link.guard(trusted=False):
            await self._beat(keys=[KEY], args=[self._process, int(FORGET_SECONDS * 2000)])

    async def attend_forever(self) -> None:
        """Stay known."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._link.available:
                with suppress(RedisDownError):
                    await self.register()

    async def confirmations(self, seconds: float = WAIT_SECONDS) -> ReplicaCount:
        """How many processes there are, and how many say within that time that they have heard all announcements.

        Raises:
            RedisDownError: nobody could be asked.
        """
        nonce = token_hex(8).encode()
        # This process dropped its copies before it announced anything.
        asked = self._asked[nonce] = _Asked({self._process})
        question = self._process + b":" + nonce
        try:
            with self._link.guard():
                members: list[bytes] = await self._ask(keys=[KEY], args=[FORGET_SECONDS, QUESTIONS, question])
            known = {self._process, *members}
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not known <= asked.confirmed:
                        asked.heard.clear()
                        await asked.heard.wait()
        finally:
            del self._asked[nonce]
        return ReplicaCount(known=len(known | asked.confirmed), confirmed=len(asked.confirmed))

    async def aclose(self) -> None:
        """Be known no more."""
        await cancel_all(self._answering)
        with suppress(RedisDownError), self._link.guard():
            await self._redis.zrem(KEY, self._process)

    def _questioned(self, message: bytes) -> None:
        question = _QUESTION.fullmatch(message)
        if question is None or len(self._answering) >= MAX_ANSWERING:
            return
        asker, nonce = question.groups()
        task = asyncio.create_task(self._answer(asker, nonce))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, asker: bytes, nonce: bytes) -> None:
        with suppress(RedisDownError), self._link.guard(trusted=False):
            await self._redis.publish(ANSWERS + asker.decode(), nonce + b":" + self._process)

    def _answered(self, message: bytes) -> None:
        answer = _ANSWER.fullmatch(message)
        asked = None if answer is None else self._asked.get(answer[1])
        if answer is not None and asked is not None:
            asked.confirmed.add(answer[2])
            asked.heard.set()


def _nothing() -> None:
    """Questions and answers that were missed need nothing."""
