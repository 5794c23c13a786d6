"""A rate-limit reading, normalised from whatever headers upstream sent, and what its documents say beside them."""

from dataclasses import dataclass
from typing import Literal

from mcp_gateway.kit.ratelimit import Quota


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Upstream's quota as last told; None where unknown. All figures are integers >= 0."""

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: int | None = None
    """Seconds until the window resets, told or (with `estimated`) assumed."""
    retry_after_seconds: int | None = None
    """Set whenever the answer means "rate limited", and for a 5xx that named a wait; on no other answer."""
    window_seconds: int | None = None
    """Length of the window, told or documented, for `RateLimit-Policy`."""
    estimated: bool = False
    """True when the wait is our assumption, because upstream named none."""
    others: tuple[Quota, ...] = ()
    """Further quotas that upstream told of beside this one, which is the nearest to exhaustion."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit of the gateway's own was reached."""

    who: str
    """Whose limit it is, as a sentence begins."""
    limit: int
    """Per minute."""
    retry_after_seconds: int
    """At least 1."""
    what: str = "requests"

    @property
    def message(self) -> str:
        """Plain sentences for the caller."""
        return (
            f"{self.who} has used up the gateway's limit of {self.limit} {self.what} per minute. "
            f"Retry after {self.retry_after_seconds} s."
        )


@dataclass(frozen=True, slots=True)
class LimitRules:
    """What an upstream's documents say of its limits and its headers leave open; the defaults suit Richpanel."""

    window_seconds: int = 30
    """The documented window: the wait after a 429 that names none, and the bound of a reset nobody told."""
    reset_unit: Literal["seconds", "milliseconds"] = "seconds"
    """Of a small number in `X-RateLimit-Reset` or `X-Rate-Limit-Reset`, which nothing else tells."""
    leak_per_second: float | None = None
    """How fast a bucket that tells `used/size` empties; None where the reset cannot be computed."""
