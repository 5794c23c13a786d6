"""The response budget: how much of an answer is shown at once, and where the rest begins.

Characters are counted on the compact JSON text. A bigger answer gives way in this order, each step only as far as
needed: HTML whose plain text stands beside it; whole records, or elements of the one list inside a record that may be
cut; long strings; members and elements of whatever else is big (shrink.py). What fits stays the same object, and costs
one serialisation.

`truncated` says what was left out, in at most RESERVED characters: `records` {shown, of}; the name of the inner list
{shown, of, older, newer}; `html` {left_out}; `cut`, a list of {path, shown, of}; `cut_more`, how many others were cut.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import orjson

from mcp_gateway.catalog.shrink import LEAST_ROOM, Cut, Path, has_more_nodes, length_of, shrunk

RESERVED = 600
"""Characters kept free for `truncated` beside a value that had to give way."""
LEAST_BUDGET = 2000
"""A smaller budget counts as this one."""
_MAX_CUTS = 20
_CUT_MORE_ROOM = 30
_PLAIN = "plain_body"
_TWINS = ("body", "html_body")
"""Members that say in HTML what `plain_body` beside them says."""


class FittedRecords(NamedTuple):
    """The front of a list of records."""

    records: list[Any]
    kept: int
    """Source records covered; a cursor that skips them shows the rest."""
    truncated: dict[str, Any] | None
    """What was left out; None when nothing was."""


class FittedRecord(NamedTuple):
    """One record, or a window of it."""

    record: dict[str, Any]
    before: int | None
    """Where the next, older window ends; None when this one reaches the beginning."""
    truncated: dict[str, Any] | None


def fit_records(
    records: list[Any], budget: int, inner: str | None = None, *, of: int | None = None, older: int = 0
) -> FittedRecords:
    """As many whole records from the front as fit, at least one.

    A first record that is too big alone is cut as `fit_record` cuts it. `of` is how many there are where these are only
    the first; `older` is how many elements before those in `inner` of the first record were left out already.
    """
    budget = max(budget, LEAST_BUDGET)
    of = len(records) if of is None else of
    is_all = of == len(records) and not older
    if is_all and _is_within(records, budget):
        return FittedRecords(records, len(records), None)
    room = budget - RESERVED
    front = _front(records, room - 2)
    if len(front) == len(records):
        front, least = _less_html(records, room)
    else:
        least = 0
    if front:
        told = {"records": {"shown": len(front), "of": of}} if len(front) < of else {}
        total = older + len(elements_of(records[0], inner))
        told |= _told(inner if older else None, range(older, total), total)
        return FittedRecords(front, len(front), _truncated(told, _count(records[: len(front)], least), []))
    told = {"records": {"shown": 1, "of": of}} if of > 1 else {}
    cuts: list[Cut] = []
    window = _window(records[0], inner, room - 2, (None, 0), cuts)
    total = older + len(elements_of(records[0], inner))
    told |= _told(inner, range(older + window.first, total), total)
    return FittedRecords([window.record], 1, _truncated(told, window.html, cuts))


def fit_record(
    record: dict[str, Any], budget: int, inner: str | None = None, *, older: int = 0, newer: int = 0
) -> FittedRecord:
    """The record with the newest elements of its list `inner` that fit, at least one, in their order.

    `older` and `newer` are how many elements before and behind those of the list were left out already. Calls that each
    leave out what stands from the `before` of the last one on, until it is None, show every element once.
    """
    budget = max(budget, LEAST_BUDGET)
    if not older and not newer and _is_within(record, budget):
        return FittedRecord(record, None, None)
    room = budget - RESERVED
    count = len(elements_of(record, inner))
    total = older + count + newer
    cuts: list[Cut] = []
    if _front([record], room):
        plain, least = _less_html(record, room)
        window = _Window(plain, 0, _count(record, least))
    else:
        window = _window(record, inner, room, None, cuts)
    first = older + window.first
    told = _told(inner, range(first, older + count), total)
    return FittedRecord(window.record, first or None, _truncated(told, window.html, cuts))


def elements_of(record: Any, inner: str | None) -> list[Any]:
    """The list of that name inside the record; empty where there is none."""
    found = record.get(inner) if isinstance(record, dict) else None
    return found if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class _Window:
    """A record as it is shown."""

    record: Any
    first: int
    """Position of the first of its elements that is shown."""
    html: int
    """HTML twins left out of what is shown."""


def _is_within(value: Any, room: int) -> bool:
    raw = orjson.dumps(value)
    # Bytes are never fewer than characters, and need no decoding.
    return len(raw) <= room or len(raw.decode()) <= room


def _front(values: Iterable[Any], room: int) -> list[Any]:
    """The first values that fit together once their HTML twins are gone, without these; nothing behind is looked at."""
    front: list[Any] = []
    # The last one has no comma.
    left = room + 1
    for value in values:
        plain, length = _without_html(value, room)
        left -= length + 1
        if left < 0:
            break
        front.append(plain)
    return front


def _without_html(value: Any, room: int) -> tuple[Any, int]:
    """The value without any HTML twin, and its length.

    As it is where so many nodes would need more room than there is anyway.
    """
    raw = orjson.dumps(value)
    if _PLAIN.encode() not in raw or has_more_nodes(value, room):
        return value, len(raw.decode())
    plain = _without_twins(value, 0)
    return plain, length_of(plain)


def _window(record: Any, inner: str | None, room: int, path: Path, cuts: list[Cut]) -> _Window:
    """A record that is too big in `room` characters, with the newest of its elements that fit, at least one."""
    elements = elements_of(record, inner)
    if inner is None or not elements:
        plain, _ = _without_html(record, room)
        return _Window(shrunk(plain, room, path, cuts), 0, _gone(record, plain))
    rest = {**record, inner: []}
    bare, _ = _without_html(rest, room)
    frame = _frame(bare, inner, room // 2, path, cuts)
    left = room - length_of(frame)
    shown = _front(reversed(elements), left)[::-1]
    first = len(elements) - len(shown)
    html = _gone(rest, bare) + _count(elements[first:], 0)
    if not shown:
        first = len(elements) - 1
        plain, _ = _without_html(elements[first], room)
        html += _gone(elements[first], plain)
        shown = [shrunk(plain, max(left, LEAST_ROOM), ((path, inner), 0), cuts)]
    return _Window({**frame, inner: shown}, first, html)


def _frame(record: dict[str, Any], inner: str, room: int, path: Path, cuts: list[Cut]) -> dict[str, Any]:
    """The record without elements, in half of what there is: else each window would repeat it and show one of them."""
    if _is_within(record, room):
        return record
    rest = {name: value for name, value in record.items() if name != inner}
    small: dict[str, Any] = shrunk(rest, max(room - length_of({inner: []}), LEAST_ROOM), path, cuts)
    ordered = {name: small.get(name, []) for name in record if name == inner or name in small}
    return ordered | small


def _gone(value: Any, plain: Any) -> int:
    """HTML twins of the value, where they were taken out of it."""
    return 0 if plain is value else _count(value, 0)


def _count_within(lengths: Iterable[int], room: int) -> int:
    """How many of these, with a comma each, fit from the first on."""
    count = 0
    for used in accumulate(length + 1 for length in lengths):
        # The last one has no comma.
        if used - 1 > room:
            break
        count += 1
    return count


def _truncated(told: Mapping[str, Any], html: int, cuts: Sequence[Cut]) -> dict[str, Any] | None:
    out: dict[str, Any] = {**told, **({"html": {"left_out": html}} if html else {})}
    if not cuts:
        return out or None
    room = RESERVED - length_of({**out, "cut": []}) - _CUT_MORE_ROOM
    places = [cut.to_dict() for cut in cuts[:_MAX_CUTS]]
    out["cut"] = places[: _count_within(map(length_of, places), room)]
    more = len(cuts) - len(out["cut"])
    return {**out, "cut_more": more} if more else out


def _told(inner: str | None, shown: range, total: int) -> dict[str, Any]:
    """What `truncated` says of the inner list; nothing when all of it is there."""
    if inner is None or len(shown) == total:
        return {}
    older, newer = shown.start, total - shown.stop
    return {inner: {"shown": len(shown), "of": total, "older": older, "newer": newer}}


def _less_html(value: Any, room: int) -> tuple[Any, int | None]:
    """The value without the longest of its HTML twins, and the length of the shortest of these; None if all stay.

    All of them go where not even that is enough.
    """
    raw = orjson.dumps(value)
    excess = len(raw.decode()) - room
    # The walk below looks at every node: not where there can be nothing to find.
    if excess <= 0 or _PLAIN.encode() not in raw:
        return value, None
    lengths = sorted(_twin_lengths(value), reverse=True)
    least = next((one for one, saved in zip(lengths, accumulate(lengths), strict=True) if saved >= excess), 0)
    return _without_twins(value, least), least


def _twin_lengths(value: Any) -> Iterator[int]:
    """Of every HTML twin, the characters that are saved without it, its name and a comma included; in no order."""
    places = [value]
    while places:
        place = places.pop()
        if isinstance(place, dict):
            yield from (_member_length(place, name) for name in _twins(place))
            places += place.values()
        elif isinstance(place, list):
            places += place


def _twins(value: Mapping[str, Any]) -> list[str]:
    plain = value.get(_PLAIN)
    if not isinstance(plain, str) or not plain.strip():
        return []
    return [name for name in _TWINS if isinstance(value.get(name), str)]


def _member_length(value: Mapping[str, Any], name: str) -> int:
    return length_of(name) + length_of(value[name]) + 2


def _count(value: Any, least: int | None) -> int:
    """Twins of that length or more."""
    return 0 if least is None else sum(length >= least for length in _twin_lengths(value))


def _without_twins(value: Any, least: int) -> Any:
    """The value without its twins of that length or more; the same object where there is none."""
    if isinstance(value, list):
        items = [_without_twins(item, least) for item in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    gone = {name for name in _twins(value) if _member_length(value, name) >= least}
    kept = {name: _without_twins(item, least) for name, item in value.items() if name not in gone}
    return kept if gone or any(kept[name] is not value[name] for name in kept) else value
