"""The gateway's own limits: calls per token and per tenant, calls under way per tenant, and dead tokens per address.

All of it is decided before anything is sent upstream. The limit of a token is its server's: a token that was just
rotated shares it with its successor. Over plain REST an account stands for the server.
"""

from dataclasses import dataclass

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.ratelimit import GATEWAY_TOKEN, Quota
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.services.quotas import LeaseDesk, Quotas
from mcp_gateway.storage.quota_leases import QuotaLeases
from mcp_gateway.telemetry.metrics import Metrics

TOKEN, TENANT, ADDRESS, CONCURRENCY = "token", "tenant", "address", "concurrency"
"""Kinds of limits, in keys, logs and metrics."""
RETRY_SECONDS = 1
"""What a caller is told who met a full bulkhead: a place is free as soon as any call ends."""


@dataclass(frozen=True, slots=True)
class LimitFigures:
    """The limits; 0 means none."""

    token_per_minute: int
    tenant_per_minute: int
    misses_per_minute: int
    tenant_concurrency: int
    concurrency: int


class Bulkhead:
    """Places for calls under way in this process, so that one tenant's hanging upstream leaves room for the others.

    Its keys are tenants, or servers.
    """

    def __init__(self, per_key: int, in_all: int = 0) -> None:
        """0 means no limit."""
        self._per_key = per_key or float("inf")
        self._in_all = in_all or float("inf")
        self._taken: dict[str, int] = {}
        self._taken_in_all = 0

    def enter(self, key: str) -> bool:
        """Take a place; False when there is none. `leave` must follow."""
        taken = self._taken.get(key, 0)
        if taken >= self._per_key or self._taken_in_all >= self._in_all:
            return False
        self._taken[key] = taken + 1
        self._taken_in_all += 1
        return True

    def leave(self, key: str) -> None:
        """Give the place back."""
        self._taken_in_all -= 1
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]


class CallLimits:
    """Decides whether a request may go on."""

    def __init__(
        self, leases: QuotaLeases, clock: Clock, figures: LimitFigures, metrics: Metrics, *, assumed_replicas: int
    ) -> None:
        """`assumed_replicas` share the quotas as long as Redis has not said how many they are."""
        self._metrics = metrics
        self.desk = LeaseDesk(leases, clock, assumed_replicas=assumed_replicas)
        self._token = _quotas(self.desk, TOKEN, figures.token_per_minute)
        self._tenant = _quotas(self.desk, TENANT, figures.tenant_per_minute)
        self._misses = _quotas(self.desk, ADDRESS, figures.misses_per_minute)
        self._bulkhead = Bulkhead(figures.tenant_concurrency, figures.concurrency)

    def enter_at_hand(self, principal: ServerPrincipal) -> bool:
        """Begin a tool call if there is plenty of everything, as nearly always; False says nothing, `enter` will."""
        if not self._bulkhead.enter(principal.tenant_id):
            return False
        if self.admit_at_hand(principal):
            return True
        self._bulkhead.leave(principal.tenant_id)
        return False

    def admit_at_hand(self, principal: ServerPrincipal) -> bool:
        """Count one request if there is plenty, as nearly always; False says nothing, `admit` will."""
        token, tenant = self._token, self._tenant
        if token is None or token.take_at_hand(principal.server_id):
            if tenant is None or tenant.take_at_hand(principal.tenant_id):
                return True
            if token is not None:
                token.give_back(principal.server_id)
        return False

    async def enter(self, principal: ServerPrincipal) -> ToolOutcome | None:
        """Begin a tool call: None, and `leave` must follow; or the outcome of a call that must not be made."""
        if not self._bulkhead.enter(principal.tenant_id):
            self._metrics.limit_met(CONCURRENCY)
            return OVERLOADED
        try:
            refusal = await self.admit(principal)
        except BaseException:
            self._bulkhead.leave(principal.tenant_id)
            raise
        if refusal is None:
            return None
        self._bulkhead.leave(principal.tenant_id)
        return _limited(refusal)

    def leave(self, principal: ServerPrincipal) -> None:
        """A tool call has ended."""
        self._bulkhead.leave(principal.tenant_id)

    async def admit(self, principal: ServerPrincipal) -> Refusal | None:
        """Count one request; why it must not be answered now, or None."""
        token, tenant = self._token, self._tenant
        if token is not None and not token.take_at_hand(principal.server_id):
            wait = await token.take(principal.server_id)
            if wait is not None:
                self._metrics.limit_met(TOKEN)
                return Refusal("This MCP server", token.limit, wait)
        if tenant is not None and not tenant.take_at_hand(principal.tenant_id):
            wait = await tenant.take(principal.tenant_id)
            if wait is not None:
                if token is not None:
                    token.give_back(principal.server_id)
                self._metrics.limit_met(TENANT)
                return Refusal("This tenant", tenant.limit, wait)
        return None

    async def miss(self, address: str) -> Refusal | None:
        """Count a credential from this address that stands for nothing; why it gets no other answer, or None."""
        self._metrics.credential_missed()
        wait = None if self._misses is None else await self._misses.take(address)
        if self._misses is None or wait is None:
            return None
        self._metrics.limit_met(ADDRESS)
        return Refusal("This address", self._misses.limit, wait, "dead tokens")

    def quota(self, server_id: str) -> Quota | None:
        """Where a server stands with the limit of its token."""
        return None if self._token is None else self._token.standing(server_id, GATEWAY_TOKEN)


def _quotas(desk: LeaseDesk, kind: str, limit: int) -> Quotas | None:
    return Quotas(desk, kind, limit) if limit else None


def _limited(refusal: Refusal) -> ToolOutcome:
    details = {
        "retry_after_seconds": refusal.retry_after_seconds,
        "limit": refusal.limit,
        "remaining": 0,
        "reset_seconds": refusal.retry_after_seconds,
        "estimated": False,
    }
    message = f"{refusal.message} Nothing was sent."
    return ToolOutcome.from_error(ToolError(ErrorType.RATE_LIMITED, "gateway", message, details=details))


OVERLOADED = ToolOutcome.from_error(
    ToolError(
        ErrorType.OVERLOADED,
        "gateway",
        "Too many calls are under way at the gateway, so nothing was sent. "
        f"Call again after {RETRY_SECONDS} s, with fewer calls at a time.",
        details={"retry_after_seconds": RETRY_SECONDS},
    )
)
"""Of a call that found no place."""
