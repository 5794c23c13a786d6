"""An MCP URL that is about to end says so, in every answer of its last day."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from mcp_gateway.kit.clock import Clock

ANNOUNCED_AHEAD = timedelta(hours=24)
EXPIRES_AT = "expiresAt"
"""In `_meta` of results, below our prefix: RFC 3339, UTC; the URL is refused from this second on."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def ends_soon(expires_at: datetime | None, clock: Clock) -> bool:
    """Whether a token has come to its last day."""
    return expires_at is not None and expires_at - clock.now() <= ANNOUNCED_AHEAD


def expiry_notice(expires_at: datetime | None, clock: Clock) -> Mapping[str, Any]:
    """For `_meta` of a result; empty until the last day."""
    if expires_at is None or not ends_soon(expires_at, clock):
        return NOTHING
    return {EXPIRES_AT: expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
