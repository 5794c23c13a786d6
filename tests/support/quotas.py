"""Several processes that share quotas over a real Redis, each with a clock that stands still."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from redis.asyncio import Redis

from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.services.quotas import WINDOW_SECONDS, LeaseDesk, Quotas
from mcp_gateway.storage.quota_leases import Lease, LeaseRequest, QuotaLeases
from mcp_gateway.storage.redis_link import RedisLink, open_redis
from mcp_gateway.storage.token_records import CHANNEL
from tests.support.clocks import ManualClock

LIMIT_SECONDS = 5


class CountedLeases(QuotaLeases):
    """Counts the round trips, and holds them while told to."""

    round_trips = 0
    may_answer: asyncio.Event

    def hold(self) -> None:
        self.may_answer = asyncio.Event()

    async def take(self, requests: list[LeaseRequest]) -> tuple[list[Lease | None], int]:  # type: ignore[override]
        self.round_trips += 1
        if hasattr(self, "may_answer"):
            await self.may_answer.wait()
        return await super().take(requests)


@dataclass
class QuotaProcess:
    """One process' view of one limit."""

    quotas: Quotas
    leases: CountedLeases
    link: RedisLink
    redis: "Redis"
    desk: LeaseDesk
    clock: ManualClock = field(default_factory=ManualClock)

    async def admitted(self, key: str, count: int) -> int:
        """How many of so many, one after the other, got through."""
        return sum([await self.quotas.take(key) is None for _ in range(count)])


@contextlib.asynccontextmanager
async def quota_process(
    redis_url: str, limit: int, *, kind: str = "token", connected: bool = True, assumed_replicas: int = 2, **more: int
) -> AsyncIterator[QuotaProcess]:
    redis = open_redis(redis_url)
    link = RedisLink(redis)
    link.listen(CHANNEL, on_message=lambda _: None, on_flush=lambda: None)
    clock = ManualClock()
    leases = CountedLeases(redis, link, WINDOW_SECONDS)
    desk = LeaseDesk(leases, clock, assumed_replicas=assumed_replicas)
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(desk.run())]
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            if connected:
                await link.wait_until(available=True)
        await asyncio.sleep(0)
        yield QuotaProcess(Quotas(desk, kind, limit, **more), leases, link, redis, desk, clock)
    finally:
        await cancel_all(tasks)
        await redis.aclose()
