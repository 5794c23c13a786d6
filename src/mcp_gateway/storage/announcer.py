"""Carries committed token changes to Redis and the replicas, at once and, failing that, from the outbox."""

from collections.abc import Callable, Mapping, Sequence

import structlog

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink
from mcp_gateway.storage.token_records import TokenRecords
from mcp_gateway.storage.uow import UnitOfWorkFactory

REPLAY_BATCH = 200

logger = structlog.get_logger(__name__)


class TokenAnnouncer:
    """Announces; what cannot be told now stays in the outbox and is replayed by any replica."""

    def __init__(
        self,
        *,
        records: TokenRecords,
        link: RedisLink,
        unit_of_work: UnitOfWorkFactory,
        invalidate: Mapping[TokenKind, Callable[[bytes], None]],
    ) -> None:
        """`invalidate` drops this process' own copies, whatever Redis does."""
        self._records = records
        self._link = link
        self._unit_of_work = unit_of_work
        self._invalidate = invalidate

    async def announce(self, events: Sequence[TokenEvent]) -> bool:
        """Call after the commit; whether Redis was told. Never raises for want of Redis or Postgres."""
        for event in events:
            self._invalidate[event.kind](event.digest)
        if not events:
            return self._link.available
        if not self._link.available:
            logger.warning("token_announcement.deferred", events=len(events), reason="redis down")
            return False
        was_told = False
        try:
            await self._records.announce(events)
            was_told = True
            async with self._unit_of_work() as stores:
                await stores.outbox.delete([event.outbox_id for event in events])
        except (RedisDownError, StoreUnavailableError) as exc:
            logger.warning("token_announcement.deferred", events=len(events), reason=type(exc).__name__)
        return was_told

    async def replay(self) -> int:
        """Announce what is still in the outbox; how many were."""
        replayed = 0
        while self._link.available:
            batch = await self._replay_batch()
            replayed += batch
            if batch < REPLAY_BATCH:
                break
        return replayed

    async def catch_up(self) -> bool:
        """Announce all that stands in the outbox now; False when some of it is still with another replica.

        Asked before Redis is trusted again, and so False too while Postgres does not answer.
        """
        try:
            async with self._unit_of_work() as stores:
                newest = await stores.outbox.newest()
            if newest is None:
                return True
            while await self._replay_batch():
                pass
            async with self._unit_of_work() as stores:
                return not await stores.outbox.holds_up_to(newest)
        except StoreUnavailableError as exc:
            logger.debug("token_outbox.waiting", reason=type(exc).__name__)
            return False

    async def _replay_batch(self) -> int:
        async with self._unit_of_work() as stores:
            events = await stores.outbox.take(REPLAY_BATCH)
            if events:
                await self._records.announce(events)
                await stores.outbox.delete([event.outbox_id for event in events])
        return len(events)
