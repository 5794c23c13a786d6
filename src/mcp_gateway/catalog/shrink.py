"""One JSON value cut down to a number of characters: long strings first, then members and elements.

Characters are those of the compact JSON text. The value is serialised at most once for each of the levels that are
shrunk one by one, and only the part that can be shown is walked through. Values are never written to: what changes is
copied.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import orjson

LEAST_ROOM = 160
"""Characters into which any value can be shrunk."""
_LEAST_STRING = 100
"""Strings are cut no shorter: what is left of them must be worth more than the mark."""
_MARK_ROOM = 60
"""For `"…":"[cut: 1,234,567 of 1,234,567 members]",`."""
_MARK = "…"
_FIRST = "id"
"""The member kept before all others: with it, the rest can be asked for."""
_MAX_STEP_BACK = 32
_MAX_DEPTH = 5
"""Levels that are shrunk one by one; each costs a serialisation of what is below it."""
_MAX_PASSED = 100
"""Members that are passed by before the rest is taken to be too long as well."""
_MAX_PATH_STEP = 30
_MAX_PATH = 80
_ZERO_WIDTH_JOINER = "\u200d"

Path = tuple[Any, str | int] | None
"""The path of the container and the last step; text is made of it only where it is told."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One place where something was left out."""

    path: Path
    """In the value as it is shown; None for the value itself."""
    shown: int
    of: int
    """Characters of a string, members of an object, elements of an array."""

    def to_dict(self) -> dict[str, Any]:
        """The wire form, its path dotted and short."""
        steps: list[str] = []
        place = self.path
        while place is not None:
            place, step = place
            steps.append(str(step)[:_MAX_PATH_STEP])
        return {"path": ".".join(reversed(steps))[:_MAX_PATH], "shown": self.shown, "of": self.of}


def length_of(value: Any) -> int:
    """Characters of the compact JSON text."""
    return len(orjson.dumps(value).decode())


def front_within(text: str, room: int) -> int:
    """How many of its first characters take at most `room` characters inside a JSON string."""
    counts = range(1, min(room, len(text)) + 1)
    return bisect_right(counts, room, key=lambda count: length_of(text[:count]) - 2)


def has_more_nodes(value: Any, most: int) -> bool:
    """Whether there are more values inside than that; looks at no more of them."""
    places, seen = [value], 1
    while places:
        place = places.pop()
        if isinstance(place, dict | list):
            seen += len(place)
            if seen > most:
                return True
            places += place.values() if isinstance(place, dict) else place
    return False


def shrunk(value: Any, room: int, path: Path, cuts: list[Cut]) -> Any:
    """The value in at most `room` characters (LEAST_ROOM or more); adds to `cuts` what was left out under `path`."""
    return _shrunk(value, length_of(value), room, path, cuts)


def _shrunk(value: Any, length: int, room: int, path: Path, cuts: list[Cut], *, depth: int = 0) -> Any:
    excess = length - room
    if excess <= 0:
        return value
    level = _string_level(value, room, excess)
    if level >= _LEAST_STRING:
        return _with_short_strings(value, level, path, cuts)
    if depth == _MAX_DEPTH:
        return _emptied(value, path, cuts)
    if isinstance(value, dict):
        return _shrunk_object(value, room, path, cuts, depth=depth + 1)
    return _shrunk_array(value, room, path, cuts, depth=depth + 1)


def _emptied(value: dict[str, Any] | list[Any], path: Path, cuts: list[Cut]) -> Any:
    """What is long so deep inside that each level more would cost another look at all of it."""
    cuts.append(Cut(path, 0, len(value)))
    if isinstance(value, dict):
        return {_MARK: _members_mark(0, len(value))}
    return [_elements_mark(0, len(value))]


def _string_level(value: Any, room: int, excess: int) -> int:
    """The length to which strings must come down for the value to fit; -1 when that is too little."""
    if has_more_nodes(value, room):
        # So many values need more room than there is, however short.
        return -1
    lengths: list[int] = []
    places = [value]
    while places:
        place = places.pop()
        if isinstance(place, str):
            lengths.append(length_of(place))
        elif isinstance(place, dict):
            places += place.values()
        elif isinstance(place, list):
            places += place
    return _level((length for length in lengths if length > _LEAST_STRING), excess)


def _level(lengths: Iterable[int], excess: int) -> int:
    """The length to which longer ones must come down for `excess` characters to go; below 0 if that is too little."""
    total, level = 0, -1
    for count, (length, following) in enumerate(pairwise([*sorted(lengths, reverse=True), 0]), start=1):
        total += length
        level = (total - excess) // count
        if level >= following:
            break
    return level


def _with_short_strings(value: Any, level: int, path: Path, cuts: list[Cut]) -> Any:
    if isinstance(value, str):
        return _short_string(value, level, path, cuts)
    if isinstance(value, dict):
        return {name: _with_short_strings(item, level, (path, name), cuts) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_short_strings(item, level, (path, index), cuts) for index, item in enumerate(value)]
    return value


def _short_string(text: str, level: int, path: Path, cuts: list[Cut]) -> str:
    if len(text) <= level and length_of(text) <= level:
        return text
    # Room for the mark with the largest figure it can have.
    count = _whole_character(text, front_within(text, level - length_of(_string_mark(len(text), len(text)))))
    cuts.append(Cut(path, count, len(text)))
    return text[:count] + _string_mark(count, len(text))


def _string_mark(shown: int, of: int) -> str:
    return f"{_MARK} [cut: {shown:,} of {of:,} characters]"


def _whole_character(text: str, count: int) -> int:
    """A place at or a little before `count` where no letter is parted from its accents, no emoji from its parts."""
    for end in range(count, max(0, count - _MAX_STEP_BACK), -1):
        following = text[end : end + 1]
        joined = _ZERO_WIDTH_JOINER in {following, text[end - 1]} or "\U0001f3fb" <= following <= "\U0001f3ff"
        if not joined and not unicodedata.category(following or " ").startswith("M"):
            return end
    return count


def _shrunk_object(value: dict[str, Any], room: int, path: Path, cuts: list[Cut], *, depth: int) -> dict[str, Any]:
    room -= 2 + _MARK_ROOM
    lengths = _affordable(value, room)
    share = _share(lengths.values(), room - sum(_overhead(name) for name in lengths))
    new = {
        name: _shrunk(value[name], lengths[name], share, (path, name), cuts, depth=depth)
        for name in value
        if name in lengths
    }
    if len(new) < len(value):
        cuts.append(Cut(path, len(new), len(value)))
        new[_MARK] = _members_mark(len(new), len(value))
    return new


def _affordable(value: dict[str, Any], room: int) -> dict[str, int]:
    """The members that fit when each is shrunk as far as it goes, with their lengths; one too long is passed by."""
    lengths: dict[str, int] = {}
    first = [_FIRST] if _FIRST in value else []
    passed = 0
    for name in chain(first, (name for name in value if name != _FIRST)):
        if room <= 0 or passed > _MAX_PASSED:
            break
        length = length_of(value[name])
        cost = _overhead(name) + min(length, LEAST_ROOM)
        if cost <= room:
            lengths[name] = length
            room -= cost
        else:
            passed += 1
    return lengths


def _overhead(name: str) -> int:
    """A member without its value: name, colon and comma."""
    return length_of(name) + 2


def _members_mark(shown: int, of: int) -> str:
    return f"[cut: {shown:,} of {of:,} members]"


def _elements_mark(shown: int, of: int) -> str:
    return f"{_MARK} [cut: {shown:,} of {of:,} elements]"


def _shrunk_array(value: list[Any], room: int, path: Path, cuts: list[Cut], *, depth: int) -> list[Any]:
    room -= 2 + _MARK_ROOM
    spare = room
    lengths: list[int] = []
    for item in value:
        length = length_of(item)
        spare -= min(length, LEAST_ROOM) + 1
        if spare < 0:
            break
        lengths.append(length)
    share = _share(lengths, room - len(lengths))
    new = [
        _shrunk(item, length, share, (path, index), cuts, depth=depth)
        for index, (item, length) in enumerate(zip(value, lengths, strict=False))
    ]
    if len(new) < len(value):
        cuts.append(Cut(path, len(new), len(value)))
        new.append(_elements_mark(len(new), len(value)))
    return new


def _share(lengths: Collection[int], room: int) -> int:
    """How long each may be at most, so that all of them fit into `room`."""
    excess = sum(lengths) - room
    return max(lengths, default=0) if excess <= 0 else _level(lengths, excess)
