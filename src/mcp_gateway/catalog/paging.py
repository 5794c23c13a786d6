"""Page-number paging behind opaque cursors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mcp_gateway.catalog.cursor import CursorCodec, CursorError, Position, scope_of
from mcp_gateway.exceptions import Problem

LIMIT = "limit"
NEXT_CURSOR = "next_cursor"
_NEXT_PAGE = "next_page"
_MAX_PAGE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Paging:
    """How one list tool walks its pages."""

    tool: str
    page_name: str | None
    """Query parameter of the page; None where there is one page, and cursors only lead further into it."""
    default_limit: int

    def position(self, arguments: Mapping[str, Any], cursors: CursorCodec) -> Position:
        """Where this call reads; CursorError for a cursor that is not this list's.

        With a cursor, `limit` may be left out: the page size is the one the walk began with.
        """
        cursor = arguments.get(NEXT_CURSOR)
        if cursor is None:
            return Position(1, int(arguments.get(LIMIT, self.default_limit)))
        return cursors.decode(cursor, self.scope(arguments))

    def problems(self, arguments: Mapping[str, Any], cursors: CursorCodec) -> tuple[Problem, ...]:
        """What is wrong with the cursor of arguments that fit the schema."""
        try:
            position = self.position(arguments, cursors)
        except CursorError as exc:
            return (Problem(NEXT_CURSOR, f"`{NEXT_CURSOR}` {exc}.", "cursor"),)
        if arguments.get(LIMIT, position.limit) == position.limit:
            return ()
        message = f"`{LIMIT}` must stay {position.limit} while next_cursor is used, or be left out."
        return (Problem(LIMIT, message, "cursor", (str(position.limit),)),)

    def scope(self, arguments: Mapping[str, Any]) -> str:
        """What a cursor is bound to: this tool and every argument but the two of paging."""
        return scope_of(self.tool, {k: v for k, v in arguments.items() if k not in {LIMIT, NEXT_CURSOR}})

    def following(self, body: Any, count: int, position: Position) -> Position | None:
        """The next page, or None at the end.

        Ends on an absent or empty array and on an empty `next_page`; where `next_page` is not told, a page that is not
        full is the last. Of a `next_page` URL only the page number in its query is taken, and only if it goes forward.
        """
        if not count or self.page_name is None:
            return None
        told = isinstance(body, Mapping) and _NEXT_PAGE in body
        if told and not body[_NEXT_PAGE]:
            return None
        if not told and count < position.limit:
            return None
        named = self._page_number(body[_NEXT_PAGE]) if told else None
        forward = named if named is not None and named > position.page else position.page + 1
        return Position(forward, position.limit)

    def _page_number(self, next_page: Any) -> int | None:
        text = str(next_page)
        try:
            values = parse_qs(urlsplit(text).query).get(self.page_name or "", [text])
        except ValueError:
            return None
        digits = values[0]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_PAGE_DIGITS else None
