"""From what upstream said to what is shown: chosen members, readable text, and no more than the budget at once.

What does not fit is never lost: a cursor continues inside a page, or further back in a long record. The work is bounded
like the result: records are got ready one by one, elements of a long one from the newest, and what comes behind the
allowance of an answer is left to the cursor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from mcp_gateway.catalog.budget import elements_of, fit_record, fit_records
from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.options import FIELDS
from mcp_gateway.catalog.paging import Paging, counted, found_again, mark_of_item, start_of, total_of
from mcp_gateway.catalog.preparation import Allowance, Preparation
from mcp_gateway.catalog.run import Run
from mcp_gateway.catalog.selection import EVERYTHING, Selection

RESULT, NEXT_CURSOR, TRUNCATED, NOTICE = "result", "next_cursor", "truncated", "notice"
ENVELOPE = 480
"""Characters kept free for what stands around a result, its cursor and the notice about untrusted text included."""
_START = Position(1, 1)
_LEAST_RECORD = 3
"""Characters of `{},`."""
_VALUE = "value"
"""Member that holds a record that is no object."""
_MAX_NAMES, _MAX_NAME = 5, 40
"""Names that matched nothing, as they are told."""
_TOO_MUCH = "This is too large for `fields` to be looked for in all of it."
_CHANGED = "The list changed since the cursor was given: elements may be missing here, or come twice."
_SHORTER = (
    "The list got shorter since the cursor was given, so records may have moved to pages before this one: "
    "begin again without next_cursor to see them."
)
_REPEATED = "This is the page before once more, so there are no further records: all of them were shown."


class _Part(NamedTuple):
    """A record with the elements of its inner list that are ready to be shown."""

    record: dict[str, Any]
    older: int = 0
    """Elements before these, which the cursor leads to."""
    newer: int = 0
    """Elements behind these, which were shown already."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """How one tool's successes are shown."""

    paging: Paging | None
    preparation: Preparation

    def records(self, body: Any, records: list[Any], arguments: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """A list tool's structure. `body` is the page as it came, which may tell whether another follows."""
        position = self._position(arguments, run)
        if self.paging is not None and self.paging.is_repeated(records, position):
            return {RESULT: [], NEXT_CURSOR: None, NOTICE: _REPEATED}
        start, is_unsure = start_of(body, records, position)
        changed = _CHANGED if is_unsure else _SHORTER if _is_shorter(body, position) else None
        parts, notice = self._parts_of(records[start:], _selection(arguments), run)
        notice = _joined(notice, changed)
        shown = [part.record for part in parts]
        older = parts[0].older if parts else 0
        room = run.budget - ENVELOPE - len(notice or "")
        fitted = fit_records(shown, room, self.preparation.inner, of=len(records) - start, older=older)
        shown_to = start + fitted.kept
        following = self._following(body, records, position)
        if shown_to < len(records):
            at = mark_of_item(records[shown_to - 1])
            following = replace(position, skip=shown_to, at=at, total=total_of(body, records))
        cursor = self._cursor(following, arguments, run)
        return {RESULT: fitted.records, NEXT_CURSOR: cursor, **_told(fitted.truncated, notice)}

    def _parts_of(self, records: list[Any], selection: Selection, run: Run) -> tuple[list[_Part], str | None]:
        """The records from the front that one answer is worth, at least one, chosen members only."""
        allowance = Allowance(run.budget)
        parts: list[_Part] = []
        is_too_much = False
        for item in records:
            # A list is promised to hold objects.
            record = item if isinstance(item, dict) else {_VALUE: item}
            self.preparation.put_in_order(record)
            part = self._ready(record, None, selection, allowance)
            chosen = selection.of(part.record)
            if parts and (allowance.is_spent or part.older or selection.is_spent):
                break
            parts.append(part._replace(record=chosen))
            is_too_much = selection.is_spent
            allowance.characters -= _LEAST_RECORD
        return parts, _TOO_MUCH if is_too_much else _missing(selection)

    def record(self, record: Any, arguments: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """Any other tool's structure; of a long record the newest elements, and a cursor that leads to older ones."""
        selection = _selection(arguments)
        if not isinstance(record, dict):
            notice = _notice(selection)
            fitted = fit_record({RESULT: selection.of(record)}, run.budget - ENVELOPE - len(notice or ""))
            return {**fitted.record, **_told(fitted.truncated, notice)}
        # Without a cursor this is the newest part, whatever the page size.
        is_newest = arguments.get(NEXT_CURSOR) is None
        end, changed = (None, None) if is_newest else self._end_of(record, self._position(arguments, run))
        part = self._ready(record, end, selection, Allowance(run.budget))
        chosen = selection.of(part.record)
        notice = _joined(_notice(selection), changed)
        room = run.budget - ENVELOPE - len(notice or "")
        window = fit_record(chosen, room, self.preparation.inner, older=part.older, newer=part.newer)
        shown = {RESULT: window.record, **_told(window.truncated, notice)}
        return shown if window.before is None else shown | self._older(record, window.before, arguments, run)

    def parts(
        self, parts: Mapping[str, Any], why: Mapping[str, Any], arguments: Mapping[str, Any], run: Run, *, main: str
    ) -> dict[str, Any]:
        """The structure of a composite tool: the main part is windowed, and has whatever room the others leave.

        `why` says why parts are null, and is shown whatever members were chosen.
        """
        selection, whole = _selection(arguments), parts[main]
        part, changed = _Part({}), None
        if isinstance(whole, dict):
            end, changed = self._end_of(whole, self._position(arguments, run))
            part = self._ready(whole, end, selection, Allowance(run.budget), main)
        chosen = selection.of({**parts, main: part.record or whole})
        notice = _joined(_notice(selection), changed)
        record = chosen.get(main)
        rest = {name: value for name, value in chosen.items() if name != main or not isinstance(value, dict)}
        # The reasons come first where there is too little room, and last where they are shown.
        others = fit_record({**why, **rest}, run.budget // 2)
        beside = {name: others.record[name] for name in (*rest, *why, *others.record) if name in others.record}
        if not isinstance(record, dict):
            return {RESULT: beside, **_told(others.truncated, notice)}
        room = run.budget - ENVELOPE - len(notice or "") - len(orjson.dumps(beside).decode())
        window = fit_record(record, room, self.preparation.inner, older=part.older, newer=part.newer)
        truncated = {**(others.truncated or {}), **(window.truncated or {})}
        shown = {RESULT: {main: window.record, **beside}, **_told(truncated or None, notice)}
        return shown | self._older(whole, window.before, arguments, run)

    def _ready(
        self, record: dict[str, Any], end: int | None, selection: Selection, allowance: Allowance, *under: str
    ) -> _Part:
        """The record with the elements before `end` that this answer is worth."""
        inner = self.preparation.inner
        first = self.preparation.prepare(record, end, selection, allowance, under)
        elements = elements_of(record, inner)
        end = len(elements) if end is None else end
        if inner is None or (first == 0 and end == len(elements)) or not selection.wants(*under, inner):
            return _Part(record)
        return _Part({**record, inner: elements[first:end]}, first, len(elements) - end)

    def _end_of(self, record: dict[str, Any], position: Position) -> tuple[int | None, str | None]:
        """Before which element this answer ends, None for the whole list, and what to say of changes meanwhile."""
        if not position.skip:
            return None, None
        elements = elements_of(record, self.preparation.inner)
        place = found_again(elements, position.skip, position.at)
        if place is None:
            return min(position.skip, len(elements)), _CHANGED if position.at else None
        # The oldest ones may be gone: upstream may show only so many.
        return place, _CHANGED if place < position.skip else None

    def _older(
        self, record: dict[str, Any], before: int | None, arguments: Mapping[str, Any], run: Run
    ) -> dict[str, Any]:
        """The cursor to the elements before that position, where there is one."""
        if before is None:
            return {}
        mark = mark_of_item(elements_of(record, self.preparation.inner)[before])
        return {NEXT_CURSOR: self._cursor(replace(_START, skip=before, at=mark), arguments, run)}

    def _position(self, arguments: Mapping[str, Any], run: Run) -> Position:
        return _START if self.paging is None else self.paging.position(arguments, run.cursors)

    def _following(self, body: Any, records: list[Any], position: Position) -> Position | None:
        return None if self.paging is None else self.paging.following(body, records, position)

    def _cursor(self, position: Position | None, arguments: Mapping[str, Any], run: Run) -> str | None:
        if self.paging is None or position is None:
            return None
        return run.cursors.encode(position, self.paging.scope(arguments))


def _is_shorter(body: Any, position: Position) -> bool:
    """Whether there are fewer records at the start of a page than when the page before was read."""
    total = counted(body)
    return not position.skip and total is not None and total < position.total


def _selection(arguments: Mapping[str, Any]) -> Selection:
    fields = arguments.get(FIELDS)
    return Selection(fields) if fields else EVERYTHING


def _notice(selection: Selection) -> str | None:
    """What to say of the names asked for."""
    if not selection.is_choosing:
        return None
    return _TOO_MUCH if selection.is_spent else _missing(selection)


def _missing(selection: Selection) -> str | None:
    missing = selection.missing()
    if not missing:
        return None
    names = ", ".join(_short(name) for name in missing[:_MAX_NAMES])
    more = len(missing) - _MAX_NAMES
    return f"Nothing here is called {names}{f' or {more} more' if more > 0 else ''}."


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…"


def _joined(one: str | None, other: str | None) -> str | None:
    return f"{one} {other}" if one and other else one or other


def _told(truncated: Mapping[str, Any] | None, notice: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if truncated is not None:
        said[TRUNCATED] = truncated
    if notice is not None:
        said[NOTICE] = notice
    return said
