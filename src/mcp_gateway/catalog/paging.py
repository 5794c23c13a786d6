"""Page-number paging behind opaque cursors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mcp_gateway.catalog.cursor import CursorCodec, CursorError, Position, mark_of, scope_of
from mcp_gateway.exceptions import Problem

LIMIT = "limit"
NEXT_CURSOR = "next_cursor"
_NEXT_PAGE, _COUNT = "next_page", "count"
_ID = "id"
_MAX_MARKED = 100
"""Records of a page that make its mark; honest pages have no more."""
_MAX_DRIFT = 500
"""Places an item is looked for, before and behind the one where it stood."""
_MAX_PAGE_DIGITS = 6
_MAX_TOTAL = 1_000_000


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
        if arguments.get(NEXT_CURSOR) is None:
            return ()
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

    def following(self, body: Any, records: Sequence[Any], position: Position) -> Position | None:
        """The next page, or None at the end.

        Ends on an absent or empty array. Otherwise `next_page` says whether there is more, unless it is empty and
        `count` tells of more records than pages were read for. Where neither is told, only a page of exactly `limit`
        records may have a next one: fewer are the last, more are all there are. Of a `next_page` URL only the page
        number in its query is taken, and only if it goes forward.
        """
        if not records or self.page_name is None:
            return None
        told = body.get(_NEXT_PAGE) if isinstance(body, Mapping) else None
        is_told = isinstance(body, Mapping) and _NEXT_PAGE in body
        is_full = len(records) == position.limit and not is_told
        if not (told or is_full or _counts_more(body, len(records), position)):
            return None
        named = self._page_number(told) if told else None
        forward = named if named is not None and named > position.page else position.page + 1
        # A count of no more than was shown may be that of the page.
        total = counted(body) if _counts_more(body, len(records), position) else 0
        return Position(forward, position.limit, seen=_mark_of_page(records), total=total or 0)

    def is_repeated(self, records: Sequence[Any], position: Position) -> bool:
        """Whether this is the page before once more: then upstream does not page, and all of it was shown."""
        return bool(position.seen and records) and position.seen == _mark_of_page(records)

    def _page_number(self, next_page: Any) -> int | None:
        text = str(next_page)
        try:
            values = parse_qs(urlsplit(text).query).get(self.page_name or "", [text])
        except ValueError:
            return None
        digits = values[0]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_PAGE_DIGITS else None


def counted(body: Any) -> int | None:
    """`count` of a page, None where there is none; a million stands for more."""
    count = body.get(_COUNT) if isinstance(body, Mapping) else None
    return min(count, _MAX_TOTAL) if type(count) is int and count >= 0 else None


def start_of(body: Any, records: Sequence[Any], position: Position) -> tuple[int, bool]:
    """Where the rest of a page begins, and whether some may come twice for it; none is left out.

    Records came or went since the cursor was given: those that were shown may have been closed, or moved to the end.
    """
    if not position.skip:
        return 0, False
    grown = total_of(body, records) - position.total if position.total else 0
    last = found_again(records, position.skip - 1, position.at)
    if last is None:
        return max(0, position.skip + min(grown, 0)), bool(position.at)
    # Further back than others can have pushed it: it moved by itself, and what stands before it was not shown.
    is_moved = counted(body) is not None and last >= position.skip + max(grown, 0)
    return (0, True) if is_moved else (last + 1, False)


def total_of(body: Any, records: Sequence[Any]) -> int:
    """How many records there are, as far as is told: at least those of the page."""
    return max(counted(body) or 0, min(len(records), _MAX_TOTAL))


def found_again(items: Sequence[Any], index: int, mark: str) -> int | None:
    """Where the item of this mark stands now, that stood at `index`; None when it is not near, or has no mark."""
    if not mark:
        return None
    around = sorted(
        range(max(0, index - _MAX_DRIFT), min(len(items), index + _MAX_DRIFT)), key=lambda i: abs(i - index)
    )
    return next((place for place in around if mark_of_item(items[place]) == mark), None)


def mark_of_item(item: Any) -> str:
    """What an item is known again by: its id; empty without one, since contents change."""
    ident = item.get(_ID) if isinstance(item, Mapping) else None
    return "" if ident is None else mark_of(ident)


def _mark_of_page(records: Sequence[Any]) -> str:
    idents = [record.get(_ID, record) if isinstance(record, Mapping) else record for record in records[:_MAX_MARKED]]
    return mark_of([len(records), idents])


def _counts_more(body: Any, count: int, position: Position) -> bool:
    """Whether `count` is of more records than have been shown with this page."""
    total = counted(body)
    return total is not None and total > (position.page - 1) * position.limit + count
