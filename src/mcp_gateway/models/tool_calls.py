"""The log of tool calls."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call that ended."""

    id: str
    tenant_id: str
    account_id: str
    server_id: str | None
    """None for a call over plain REST."""
    created_at: datetime
    """When it ended."""
    tool: str
    status: str
    duration_ms: float
    upstream_status: int | None
    upstream_ms: float
    caller_gone: bool
    client: str | None
    arguments_hash: str
    arguments: str | None
    """JSON; None where the server's configuration does not say that arguments are kept."""
    arguments_truncated: bool
    request_id: str | None
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; None does not restrict."""

    created_after: datetime | None = None
    created_before: datetime | None = None
    server_id: str | None = None
    tool: str | None = None
    status: str | None = None
