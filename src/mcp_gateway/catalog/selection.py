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
_MAX_VALUES = 200_000
"""Members and elements looked through for one answer; what is shown has a tenth of them."""
_NOTHING = object()


@dataclass(slots=True, eq=False)
class _Wanted:
    """One step of the paths asked for."""

    members: dict[str, "_Wanted"] = field(default_factory=dict)
    is_end: bool = False
    """A name ends here: the value is kept whole."""
    is_found: bool = False
    is_all_found: bool = False


class Selection:
    """The names of one call, applied to as many values as it shows."""

    def __init__(self, fields: Sequence[str]) -> None:
        """No names ask for everything."""
        self._fields = tuple(dict.fromkeys(fields))
        self.is_choosing = bool(self._fields)
        """Whether there are names."""
        self._wanted = _wanted(fields)
        self._left = _MAX_VALUES
        self._was_used = False

    @property
    def is_spent(self) -> bool:
        """Whether more was looked through than an answer is worth: what comes behind is not looked at."""
        return self._left <= 0

    def wants(self, *path: str) -> bool:
        """Whether anything at this path is kept."""
        if not self._fields:
            return True
        place = self._wanted
        for step in path:
            if step not in place.members:
                return False
            place = place.members[step]
            if place.is_end:
                return True
        return True

    def of(self, value: Any) -> Any:
        """A record with the named members and its `id` only.

        Members stay in the order they came in, elements in their places; a record that is no object stays what it is.
        The value is not written to.
        """
        if not self._fields or value in _EMPTY:
            return value
        self._was_used = True
        return self._record(value)

    def missing(self) -> tuple[str, ...]:
        """The names that matched nothing of all that was looked at; none when there was nothing."""
        if not self._was_used or self.is_spent:
            return ()
        return tuple(name for name in self._fields if not _end(self._wanted, name).is_found)

    def _record(self, record: Any) -> Any:
        if not isinstance(record, dict):
            return record
        kept = self._members(record, self._wanted)
        return {name: record[name] if name == _ID else kept[name] for name in record if name == _ID or name in kept}

    def _members(self, record: dict[str, Any], wanted: _Wanted) -> dict[str, Any]:
        found = ((name, self._kept(record[name], wanted.members[name])) for name in record if name in wanted.members)
        return {name: value for name, value in found if value is not _NOTHING}

    def _kept(self, value: Any, wanted: _Wanted) -> Any:
        """What of a value was asked for; _NOTHING when its parts are asked for and it has none of them."""
        if value in _EMPTY:
            # Contradicts no longer path: where there are no comments, none lacks a plain_body.
            _find_all(wanted)
            return value
        parts = self._parts(value, wanted) if wanted.members else _NOTHING
        if not wanted.is_end:
            return parts
        wanted.is_found = True
        return value

    def _parts(self, value: Any, wanted: _Wanted) -> Any:
        if isinstance(value, dict):
            self._left -= len(value)
            return _NOTHING if self.is_spent else self._members(value, wanted) or _NOTHING
        if not isinstance(value, list):
            return _NOTHING
        self._left -= len(value)
        if self.is_spent:
            return _NOTHING
        parts = [self._parts(element, wanted) for element in value]
        if all(part is _NOTHING for part in parts):
            return _NOTHING
        # An element without any of the members keeps its place.
        return [{} if part is _NOTHING else part for part in parts]


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


def _find_all(wanted: _Wanted) -> None:
    """Everything below is found; once, however many empty values there are."""
    places = [wanted]
    while places:
        place = places.pop()
        if place.is_all_found:
            continue
        place.is_all_found = True
        place.is_found = place.is_found or place.is_end
        places += place.members.values()


EVERYTHING = Selection(())
"""Of a call without names: nothing is looked at, so that nothing is remembered, and one serves all calls."""
