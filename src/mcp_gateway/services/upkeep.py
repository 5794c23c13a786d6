"""Background work of every replica: replay what was not announced, and sweep what expired."""

import asyncio
from datetime import timedelta
from random import shuffle

import structlog

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.audit import SYSTEM, AuditAction
from mcp_gateway.services.auditing import change
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.redis_link import RedisDownError
from mcp_gateway.storage.uow import UnitOfWorkFactory

REPLAY_SECONDS = 0.5
SWEEP_BATCH = 500
PURGE_BATCH = 2_000
PURGE_BATCHES = 20
"""Of one sweep; the next goes on."""
PURGE_LOCK = 7_221_014_930_178_224
SWEEP_LOCK = 7_221_014_930_178_222
"""Advisory lock held while sweeping, so that one replica does it at a time."""

logger = structlog.get_logger(__name__)


class Upkeep:
    """Two loops for the life of the process; a store that is away makes them wait, never end."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        announcer: TokenAnnouncer,
        sweep_seconds: float,
        clock: Clock,
        call_retention: timedelta,
    ) -> None:
        """`call_retention` is how long the log keeps a tool call."""
        self._unit_of_work = unit_of_work
        self._announcer = announcer
        self._sweep_seconds = sweep_seconds
        self._clock = clock
        self._call_retention = call_retention

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
        """Remove what has expired, and tool calls past their retention, again and again."""
        while True:
            # One by one: what keeps failing must not keep the others from being done.
            for work in (self.sweep, self.purge_calls, self.forget_answers):
                try:
                    await work()
                except StoreUnavailableError as exc:
                    logger.debug("sweep.waiting", reason=type(exc).__name__)
                except Exception:
                    logger.exception("upkeep.failed")
            await asyncio.sleep(self._sweep_seconds)

    async def sweep(self) -> int:
        """Remove expired rows from Postgres, and with them every copy; how many."""
        async with self._unit_of_work() as stores:
            tenants = await stores.across_tenants.tenants_with_expired(SWEEP_BATCH)
        # In another order each time, so that none of them always stands behind one whose rows somebody holds.
        shuffle(tenants)
        removed = 0
        for tenant_id in tenants:
            try:
                removed += await self._sweep_tenant(tenant_id)
            except StoreUnavailableError:
                raise
            except Exception:
                logger.exception("sweep.failed", tenant_id=tenant_id)
        if removed:
            logger.info("sweep.finished", removed=removed)
        return removed

    async def forget_answers(self) -> int:
        """Remove one batch of answers kept for an `Idempotency-Key` long enough; how many."""
        async with self._unit_of_work() as stores:
            return await stores.across_tenants.delete_expired_answers(SWEEP_BATCH)

    async def purge_calls(self) -> int:
        """Remove tool calls past their retention, and those of deleted tenants, in bounded batches; how many."""
        removed = 0
        for _ in range(PURGE_BATCHES):
            async with self._unit_of_work() as stores:
                if not await stores.try_lock(PURGE_LOCK):
                    break
                older_than = self._clock.now() - self._call_retention
                batch = await stores.across_tenants.purge_tool_calls(older_than, PURGE_BATCH)
            removed += batch
            if batch < PURGE_BATCH:
                break
        if removed:
            logger.info("tool_call_log.purged", removed=removed)
        return removed

    async def _sweep_tenant(self, tenant_id: str) -> int:
        async with self._unit_of_work(tenant_id) as stores:
            if not await stores.try_lock(SWEEP_LOCK):
                return 0
            events = await stores.servers.delete_expired_retiring(tenant_id, SWEEP_BATCH)
            servers, more = await stores.servers.delete_expired(tenant_id, SWEEP_BATCH)
            events += more
            api_tokens, more = await stores.api_tokens.delete_expired(tenant_id, SWEEP_BATCH)
            events += more
            await stores.audit.record(
                *(change(SYSTEM, AuditAction.SERVER_EXPIRE, before=server) for server in servers),
                *(change(SYSTEM, AuditAction.API_TOKEN_EXPIRE, before=api_token) for api_token in api_tokens),
            )
        await self._announcer.announce(events)
        return len(events)
