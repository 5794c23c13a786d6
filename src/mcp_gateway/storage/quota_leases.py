"""Quotas shared by all replicas: one counter per key and window in Redis, handed out in leases.

Key `rpgw:quota:{kind}:{id}` counts what was handed out; it ends with its window, which begins with the first request
for it. The id is a server's, a tenant's or a client's address, never a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from mcp_gateway.storage.redis_link import RedisLink
from mcp_gateway.storage.token_records import CHANNEL

# What was spent ahead is charged whatever is left; what is asked for is granted as far as it goes.
LEASE = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if not used then
  redis.call('DEL', KEYS[1])
  used = 0
end
local spent = tonumber(ARGV[2])
local granted = math.max(0, math.min(tonumber(ARGV[3]), tonumber(ARGV[1]) - used - spent))
if spent + granted > 0 then used = redis.call('INCRBY', KEYS[1], spent + granted) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  left = tonumber(ARGV[4])
end
return {granted, used, left}
"""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """One key's turn."""

    key: str
    limit: int
    spent: int
    """Taken already, ahead of any lease."""
    wanted: int


@dataclass(frozen=True, slots=True)
class Lease:
    """What may be taken now, by this process alone."""

    granted: int
    used: int
    """By all replicas in this window, the leases included."""
    seconds_left: float
    """Of the window."""


class QuotaLeases:
    """Asks Redis for leases."""

    def __init__(self, redis: "Redis", link: RedisLink, window_seconds: float) -> None:
        self._redis = redis
        self._link = link
        self._window_ms = int(window_seconds * 1000)

    async def take(self, requests: Sequence[LeaseRequest]) -> tuple[list[Lease | None], int]:
        """A lease for each request, None where its key cannot be counted; and how many processes share the quotas.

        Raises:
            RedisDownError: no lease is to be had.
        """
        with self._link.guard():
            async with self._redis.pipeline(transaction=False) as pipeline:
                # Every gateway process listens there, and nobody else does.
                pipeline.pubsub_numsub(CHANNEL)
                for one in requests:
                    pipeline.eval(LEASE, 1, f"rpgw:quota:{one.key}", one.limit, one.spent, one.wanted, self._window_ms)
                replicas, *answers = await pipeline.execute(raise_on_error=False)
        return [_lease(answer) for answer in answers], _listeners(replicas)


def _lease(answer: Any) -> Lease | None:
    match answer:
        case [int(granted), int(used), int(left)]:
            return Lease(granted, used, left / 1000)
        case _:
            reason = type(answer).__name__ if isinstance(answer, ResponseError) else "unreadable"
            logger.warning("redis.refused", reason=reason)
            return None


def _listeners(answer: Any) -> int:
    match answer:
        case [(_, int(listeners))]:
            return max(1, listeners)
        case _:  # a user of Redis that may not ask
            return 1
