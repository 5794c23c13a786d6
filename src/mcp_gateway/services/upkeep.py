"""Background work of every replica: replay what was not announced, and sweep what expired."""

import asyncio

import structlog

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.redis_link import RedisDownError
from mcp_gateway.storage.uow import UnitOfWorkFactory

REPLAY_SECONDS = 0.5
SWEEP_BATCH = 500
SWEEP_LOCK = 7_221_014_930_178_222
"""Advisory lock held while sweeping, so that one replica does it at a time."""

logger = structlog.get_logger(__name__)


class Upkeep:
    """Two loops for the life of the process; a store that is away makes them wait, never end."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, announcer: TokenAnnouncer, sweep_seconds: float) -> None:
        self._unit_of_work = unit_of_work
        self._announcer = announcer
        self._sweep_seconds = sweep_seconds

    async def replay_forever(self) -> None:
        """Empty the outbox, again and again."""
        while True:
            try:
                await self._announcer.replay()
            except (StoreUnavailableError, RedisDownError) as exc:
                logger.debug("token_outbox.waiting", reason=type(exc).__name__)
            except Exception:
                # The loop must outlive any bug in one round of it.
                logger.exception("upkeep.failed")
            await asyncio.sleep(REPLAY_SECONDS)

    async def sweep_forever(self) -> None:
        """Remove expired servers and API tokens, again and again."""
        while True:
            try:
                await self.sweep()
            except StoreUnavailableError as exc:
                logger.debug("sweep.waiting", reason=type(exc).__name__)
            except Exception:
                logger.exception("upkeep.failed")
            await asyncio.sleep(self._sweep_seconds)

    async def sweep(self) -> int:
        """Remove one batch of expired rows from Postgres, and with it every copy; how many."""
        async with self._unit_of_work() as stores:
            if not await stores.try_lock(SWEEP_LOCK):
                return 0
            events = await stores.across_tenants.delete_expired(SWEEP_BATCH)
        await self._announcer.announce(events)
        if events:
            logger.info("sweep.finished", removed=len(events))
        return len(events)
