"""What one call brings to a tool beside its arguments."""

from datetime import UTC, datetime
from typing import NamedTuple

from mcp_gateway.catalog.cursor import CursorCodec

DEFAULT_BUDGET = 40_000


class Run(NamedTuple):
    """Of one server, at one moment."""

    cursors: CursorCodec = CursorCodec()
    """Writes and reads the cursors of this server."""
    budget: int = DEFAULT_BUDGET
    """Characters of JSON that the result may have."""
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    is_shown: bool = True
    """False for an answer that is read on the way to another: it stays as upstream gave it."""

    def unshown(self) -> "Run":
        """The same run for an answer that is read and not shown."""
        return self._replace(is_shown=False)


PLAIN_RUN = Run()
"""For callers without keys, budget and clock of their own."""
