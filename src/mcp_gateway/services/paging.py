"""Opaque cursors for the admin API's lists."""

from mcp_gateway.exceptions import InvalidInputError, Problem
from mcp_gateway.kit.cursor import CursorError, CursorSigner


class ListCursors:
    """Binds a cursor to the list it came from."""

    def __init__(self, signer: CursorSigner) -> None:
        self._signer = signer

    def position(self, scope: str, cursor: str | None) -> str | None:
        """Where to continue; None for the first page.

        Raises:
            InvalidInputError: altered, or from another list.
        """
        if cursor is None:
            return None
        try:
            return self._signer.decode(scope, cursor)
        except CursorError as exc:
            message = "is not a cursor of this list; send back exactly what `next_cursor` held, or omit it"
            raise InvalidInputError("next_cursor " + message, [Problem("next_cursor", message)]) from exc

    def cursor(self, scope: str, position: str | None) -> str | None:
        """The cursor to hand out; None when there is nothing more."""
        return None if position is None else self._signer.encode(scope, position)
