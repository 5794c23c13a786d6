"""From what upstream said to what is shown: chosen members, readable text, and no more than the budget at once.

What does not fit is never lost: a cursor continues inside a page, or further back in a long record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mcp_gateway.catalog.budget import fit_record, fit_records
from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.description import TextDescription
from mcp_gateway.catalog.options import FIELDS
from mcp_gateway.catalog.paging import Paging, found_again, mark_of_item
from mcp_gateway.catalog.readable import looks_like_html, readable
from mcp_gateway.catalog.run import Run
from mcp_gateway.catalog.selection import selected

RESULT, NEXT_CURSOR, TRUNCATED, NOTICE = "result", "next_cursor", "truncated", "notice"
ENVELOPE = 480
"""Characters kept free for what stands around a result, its cursor and the notice about untrusted text included."""
_START = Position(1, 1)
_REPEATED = "This is the page before once more, so there are no further records: all of them were shown."


@dataclass(frozen=True, slots=True)
class Presentation:
    """How one tool's successes are shown."""

    inner: str | None
    """The list inside a record that may be cut by whole elements."""
    paging: Paging | None

    def records(self, body: Any, records: list[Any], arguments: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """A list tool's structure. `body` is the page as it came, which may tell whether another follows."""
        position = self._position(arguments, run)
        if self.paging is not None and self.paging.is_repeated(records, position):
            return {RESULT: [], NEXT_CURSOR: None, NOTICE: _REPEATED}
        start = _start_of(records, position)
        chosen, notice = _chosen(records[start:], arguments)
        fitted = fit_records(chosen, run.budget - ENVELOPE, self.inner)
        shown_to = start + fitted.kept
        following = self._following(body, records, position)
        if shown_to < len(records):
            following = replace(position, skip=shown_to, at=mark_of_item(records[shown_to - 1]))
        cursor = self._cursor(following, arguments, run)
        return {RESULT: fitted.records, NEXT_CURSOR: cursor, **_told(fitted.truncated, notice)}

    def record(self, record: Any, arguments: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """Any other tool's structure; of a long record the newest elements, and a cursor that leads to older ones."""
        chosen, notice = _chosen(record, arguments)
        if not isinstance(chosen, dict):
            fitted = fit_record({RESULT: chosen}, run.budget - ENVELOPE)
            return {**fitted.record, **_told(fitted.truncated, notice)}
        window = fit_record(chosen, run.budget - ENVELOPE, self.inner, self._position(arguments, run).skip or None)
        shown = {RESULT: window.record, **_told(window.truncated, notice)}
        if window.before is not None:
            shown[NEXT_CURSOR] = self._cursor(replace(_START, skip=window.before), arguments, run)
        return shown

    def parts(
        self, parts: Mapping[str, Any], why: Mapping[str, Any], arguments: Mapping[str, Any], run: Run, *, main: str
    ) -> dict[str, Any]:
        """The structure of a composite tool: the main part is windowed, and has whatever room the others leave.

        `why` says why parts are null, and is shown whatever members were chosen.
        """
        chosen, notice = _chosen(dict(parts), arguments)
        unfit = {main: chosen[main]} if main in chosen else {}
        record = chosen.pop(main, None)
        others = fit_record({**chosen, **why}, run.budget // 2)
        if not isinstance(record, dict):
            return {RESULT: {**unfit, **others.record}, **_told(others.truncated, notice)}
        room = run.budget - ENVELOPE - len(orjson.dumps(others.record).decode())
        window = fit_record(record, room, self.inner, self._position(arguments, run).skip or None)
        truncated = {**(others.truncated or {}), **(window.truncated or {})}
        shown = {RESULT: {main: window.record, **others.record}, **_told(truncated or None, notice)}
        if window.before is not None:
            shown[NEXT_CURSOR] = self._cursor(replace(_START, skip=window.before), arguments, run)
        return shown

    def _position(self, arguments: Mapping[str, Any], run: Run) -> Position:
        return _START if self.paging is None else self.paging.position(arguments, run.cursors)

    def _following(self, body: Any, records: list[Any], position: Position) -> Position | None:
        return None if self.paging is None else self.paging.following(body, records, position)

    def _cursor(self, position: Position | None, arguments: Mapping[str, Any], run: Run) -> str | None:
        if self.paging is None or position is None:
            return None
        return run.cursors.encode(position, self.paging.scope(arguments))


def add_texts(record: Any, texts: Sequence[TextDescription]) -> None:
    """Put readable text beside HTML where upstream did not; the body was parsed for this call and may be written to."""
    if not isinstance(record, dict):
        return
    for described in texts:
        children = record.get(described.records)
        for child in children if isinstance(children, list) else ():
            if isinstance(child, dict) and not child.get(described.plain):
                html = next((text for name in described.html if isinstance(text := child.get(name), str) and text), "")
                if looks_like_html(html):
                    child[described.plain] = readable(html)


def _start_of(records: list[Any], position: Position) -> int:
    """Where the rest of the page begins, though records came or went before it since the cursor was given."""
    last = found_again(records, position.skip - 1, position.at)
    return position.skip if last is None else last + 1


def _chosen(value: Any, arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The members asked for, and what to say of names that matched nothing."""
    fields = arguments.get(FIELDS)
    if not fields:
        return value, None
    chosen, missing = selected(value, fields)
    return chosen, f"Nothing here is called {', '.join(missing)}." if missing else None


def _told(truncated: Mapping[str, Any] | None, notice: str | None) -> dict[str, Any]:
    return {name: told for name, told in ((TRUNCATED, truncated), (NOTICE, notice)) if told is not None}
