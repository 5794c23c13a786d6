"""What one call brings to a tool beside its arguments."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mcp_gateway.catalog.cursor import CursorCodec

DEFAULT_BUDGET = 40_000
_UNBOUNDED = 2**62


@dataclass(frozen=True, slots=True)
class Run:
    """Of one server, at one moment."""

    cursors: CursorCodec = field(default_factory=CursorCodec)
    """Writes and reads the cursors of this server."""
    budget: int = DEFAULT_BUDGET
    """Characters of JSON that the result may have."""
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def unabridged(self) -> "Run":
        """The same run for an answer that is read and not shown: nothing is left out of it."""
        return replace(self, budget=_UNBOUNDED)


PLAIN_RUN = Run()
"""For callers without keys, budget and clock of their own."""
