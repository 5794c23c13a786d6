"""Typed events; log line, metric and the log of tool calls derive from the same one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class ToolCallFinished:
    """One tool call ended. Carries no results. Not to be written to; freezing it would cost each call a microsecond."""

    tenant_id: str
    account_id: str
    server_id: str
    """The account's id for a call over plain REST, which has no server."""
    tool: str
    status: str
    """`ok`, the error's type, or `cancelled` for a read whose caller did not wait for it."""
    upstream_status: int | None
    """None when nothing was sent, or nothing came back."""
    upstream_seconds: float
    seconds: float
    caller_gone: bool = False
    """Nobody was there any more to be answered."""
    trace_id: str | None = None
    """Of the caller's trace, 32 hexadecimal digits."""
    request_id: str | None = None
    client: str | None = None
    """What the caller says it is, so of any length and content."""
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As the caller sent them; for a keyed hash, and to be kept only where `keeps_arguments`."""
    keeps_arguments: bool = False
    """Whether the server's configuration says that they may be logged."""


class EventSink(Protocol):
    """Where finished work is told; must not block and must not raise."""

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """A tool call ended."""
