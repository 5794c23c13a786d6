"""A rate-limit reading, normalised from whatever headers upstream sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Upstream's quota as last told; None where unknown. All figures are integers >= 0."""

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: int | None = None
    """Seconds until the window resets, told or (with `estimated`) taken from the documented window."""
    retry_after_seconds: int | None = None
    """Set only for an answer that means "rate limited"."""
    window_seconds: int | None = None
    """Length of the documented window, for `RateLimit-Policy`."""
    estimated: bool = False
    """True when the wait is our assumption, because upstream named none."""
