"""Typed events; log line and metric derive from the same one."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ToolCallFinished:
    """One tool call ended. Carries no arguments and no results."""

    tenant_id: str
    server_id: str
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


class EventSink(Protocol):
    """Where finished work is told; must not block and must not raise."""

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """A tool call ended."""
