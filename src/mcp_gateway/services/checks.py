"""Checks that several services share."""

from datetime import datetime, timedelta

from mcp_gateway.constants import MIN_EXPIRY_SECONDS
from mcp_gateway.exceptions import InvalidInputError, Problem, StaleVersionError
from mcp_gateway.kit.clock import Clock


def check_expiry(expires_at: datetime | None, clock: Clock) -> None:
    """Refuse an instant that is past or less than 60 seconds ahead.

    Raises:
        InvalidInputError: names the earliest instant allowed.
    """
    if expires_at is None:
        return
    earliest = clock.now() + timedelta(seconds=MIN_EXPIRY_SECONDS)
    if expires_at < earliest:
        text = f"must be at least {MIN_EXPIRY_SECONDS} seconds ahead: {earliest:%Y-%m-%dT%H:%M:%SZ} or later, or null"
        raise InvalidInputError("expires_at " + text, [Problem("expires_at", text, "too_early")])


def check_version(expected: int | None, actual: int) -> None:
    """Honour `If-Match` where it was sent (RFC 9110 §13.1.1).

    Raises:
        StaleVersionError: the object changed meanwhile.
    """
    if expected is not None and expected != actual:
        raise StaleVersionError(f"the object is at version {actual}, If-Match names {expected}: read it again")
