"""The `fields` of a read: which members of its records an answer keeps.

A name is a member, or a dotted path into objects and into each element of arrays: `comments.plain_body`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_ID = "id"
_EMPTY: tuple[Any, ...] = (None, [], {})
_MAX_STEPS = 16
"""Of a dotted path; bounds recursion and memory, whatever a caller writes."""
_NOTHING = object()


@dataclass(slots=True, eq=False)
class _Wanted:
    """One step of the paths asked for."""

    members: dict[str, "_Wanted"] = field(default_factory=dict)
    is_end: bool = False
    """A name ends here: the value is kept whole."""
    is_found: bool = False


def selected(value: Any, fields: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    """The record, or list of records, with the named members and its `id` only, and the names that matched nothing.

    Members stay in the order they came in, elements in their places; a record that is no object stays what it is. No
    names, and no records, ask for nothing: then the value comes back as it is. The value is not written to.
    """
    if not fields or value in _EMPTY:
        return value, ()
    wanted = _wanted(fields)
    if isinstance(value, list):
        kept: Any = [_record(record, wanted) for record in value]
    else:
        kept = _record(value, wanted)
    return kept, tuple(name for name in dict.fromkeys(fields) if not _end(wanted, name).is_found)


def _wanted(fields: Iterable[str]) -> _Wanted:
    root = _Wanted()
    for name in fields:
        _end(root, name).is_end = True
    return root


def _end(root: _Wanted, name: str) -> _Wanted:
    """Where a name's path ends; its steps are made where they are missing."""
    place = root
    for step in name.split(".", _MAX_STEPS - 1):
        place = place.members.setdefault(step, _Wanted())
    return place


def _record(record: Any, wanted: _Wanted) -> Any:
    if not isinstance(record, dict):
        return record
    kept = _members(record, wanted)
    return {name: record[name] if name == _ID else kept[name] for name in record if name == _ID or name in kept}


def _members(record: dict[str, Any], wanted: _Wanted) -> dict[str, Any]:
    found = ((name, _kept(record[name], wanted.members[name])) for name in record if name in wanted.members)
    return {name: value for name, value in found if value is not _NOTHING}


def _kept(value: Any, wanted: _Wanted) -> Any:
    """What of a value was asked for; _NOTHING when its parts are asked for and it has none of them."""
    if value in _EMPTY:
        # Contradicts no longer path: where there are no comments, none lacks a plain_body.
        _find_all(wanted)
        return value
    parts = _parts(value, wanted) if wanted.members else _NOTHING
    if not wanted.is_end:
        return parts
    wanted.is_found = True
    return value


def _parts(value: Any, wanted: _Wanted) -> Any:
    if isinstance(value, dict):
        return _members(value, wanted) or _NOTHING
    if not isinstance(value, list):
        return _NOTHING
    parts = [_parts(element, wanted) for element in value]
    if all(part is _NOTHING for part in parts):
        return _NOTHING
    # An element without any of the members keeps its place.
    return [{} if part is _NOTHING else part for part in parts]


def _find_all(wanted: _Wanted) -> None:
    places = [wanted]
    while places:
        place = places.pop()
        place.is_found = place.is_found or place.is_end
        places += place.members.values()
