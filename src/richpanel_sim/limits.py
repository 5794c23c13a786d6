"""50 requests per 30 seconds, counted for a whole tenant (https://developer.richpanel.com/reference/limitations)."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass

from richpanel_sim.clock import Clock

DEFAULT_REQUESTS = 50
DEFAULT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests a window of how many seconds allows."""

    requests: int = DEFAULT_REQUESTS
    seconds: float = DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands: ``retry_after`` is whole seconds until a request fits, None when one just did.

    ``reset`` is whole seconds until the oldest request leaves the window.
    """

    limit: int
    remaining: int
    reset: int
    retry_after: int | None = None


class RateLimiter:
    """A rolling window per tenant: a request leaves it exactly ``quota.seconds`` after it was counted.

    A refused request is not counted, so waiting for ``retry_after`` always suffices for one more. ``noise`` is how
    many requests of every window other users of the account take; where that is all of them, nothing ever fits.
    """

    def __init__(self, quota: Quota, clock: Clock) -> None:
        self.quota = quota
        self._clock = clock
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, tenant: str, noise: int = 0) -> Standing:
        """Count one request of ``tenant``, or say how long until one would fit."""
        taken = self._window(tenant)
        if len(taken) + noise >= self.quota.requests:
            wait = self._reset(taken)
            return Standing(self.quota.requests, 0, wait, wait)
        taken.append(self._clock.monotonic())
        return self.peek(tenant, noise)

    def peek(self, tenant: str | None, noise: int = 0) -> Standing:
        """The standing without counting anything; a caller without a tenant has used nothing."""
        taken = self._window(tenant) if tenant is not None else deque[float]()
        used = len(taken) + (noise if tenant is not None else 0)
        return Standing(self.quota.requests, max(0, self.quota.requests - used), self._reset(taken))

    def reset(self) -> None:
        """Forget every window."""
        self._taken.clear()

    def _reset(self, taken: deque[float]) -> int:
        wait = taken[0] + self.quota.seconds - self._clock.monotonic() if taken else self.quota.seconds
        return max(1, math.ceil(wait))

    def _window(self, tenant: str) -> deque[float]:
        taken, horizon = self._taken[tenant], self._clock.monotonic() - self.quota.seconds
        while taken and taken[0] <= horizon:
            taken.popleft()
        return taken
