"""Revocation with a receipt: announced to every replica, and confirmed by them where they can be asked."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from mcp_gateway.constants import PROCESS_CACHE_SECONDS
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.models.token_events import TokenEvent
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.redis_link import RedisDownError
from mcp_gateway.storage.roll_call import RollCall

WORST_CASE = timedelta(seconds=PROCESS_CACHE_SECONDS)
"""The longest a replica that hears of nothing goes by a copy of its own."""

logger = structlog.get_logger(__name__)


class Revoker:
    """Tells everybody of tokens that have died."""

    def __init__(self, *, announcer: TokenAnnouncer, roll_call: RollCall, clock: Clock) -> None:
        self._announcer = announcer
        self._roll_call = roll_call
        self._clock = clock

    async def revoke(self, events: Sequence[TokenEvent]) -> Receipt:
        """Call after the commit; never fails for want of a confirmation, which it waits for some 0.3 s at most."""
        revoked_at = self._clock.now()
        replicas = None
        if await self._announcer.announce(events):
            try:
                replicas = await self._roll_call.confirmations()
            except RedisDownError:
                logger.warning("revocation.unconfirmed", reason="redis down")
        is_confirmed = replicas is not None and replicas.confirmed >= replicas.known
        # Until its answer a process may have admitted a call, so not `revoked_at`.
        return Receipt(revoked_at, replicas, self._clock.now() if is_confirmed else revoked_at + WORST_CASE)
