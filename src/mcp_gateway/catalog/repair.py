"""Arguments as they were meant, where the tool's JSON Schema leaves no doubt; anything else is left for the checker.

Models and their clients write `"5"` for 5, a list as its JSON text, `closed` for `CLOSED`, or null for nothing.
Refusing that costs a round trip and teaches nothing; guessing costs more. So a value is changed only where exactly one
reading of it fits the schema, and every change is told. The schema is ours, and its depth bounds the recursion.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Any, Final, Literal

import orjson

MAX_REPAIRS = 50
"""Repairs told of one call; the answer must not grow with the request."""
_MAX_JSON_TEXT = 256 * 1024
_MAX_SHOWN = 60
_EXACT = 2**53
"""Whole numbers below it are exact with every JSON reader (RFC 8259 §6); a longer id may have lost its last digits."""
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))(?:\.0{1,20})?")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?")

_CLASSES: Mapping[str, type | tuple[type, ...]] = {
    "null": NoneType,
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


class _Mark(Enum):
    DROPPED = "dropped"


DROPPED: Final = _Mark.DROPPED
"""Stands for the value of an argument that was left out."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One value that was read as another."""

    path: str
    """Dotted, e.g. `tags.0`."""
    given: Any
    """As it came, long ones cut for display."""
    used: Any = DROPPED
    """What the call went on with, cut likewise; DROPPED where a null was left out."""

    def to_dict(self) -> dict[str, Any]:
        """The wire form; no `used` where nothing was."""
        told = {"path": self.path, "given": self.given}
        return told if self.used is DROPPED else {**told, "used": self.used}


def repaired(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Repair, ...]]:
    """The arguments to go on with, and what was changed, at most MAX_REPAIRS of it.

    Nothing is written to: what changes is copied, what fits is the same object.
    """
    given = arguments if isinstance(arguments, dict) else dict(arguments)
    repairs: list[Repair] = []
    return _members("", given, schema, repairs), tuple(repairs)


def _value(path: str, given: Any, schema: Mapping[str, Any], repairs: list[Repair]) -> Any:
    """The value itself where it fits or nothing can be done about it."""
    readings = [] if _fits(given, schema) else _distinct(_readings(given, schema))
    if len(readings) != 1:
        return _inside(path, given, schema, repairs)
    place = len(repairs)
    used = _inside(path, readings[0], schema, repairs)
    if place < MAX_REPAIRS:
        # The whole before its parts, which were repaired first.
        repairs.insert(place, Repair(path, _shown(given), _shown(used)))
        del repairs[MAX_REPAIRS:]
    return used


def _inside(path: str, value: Any, schema: Mapping[str, Any], repairs: list[Repair]) -> Any:
    if isinstance(value, dict):
        return _members(path, value, schema, repairs)
    items = schema.get("items")
    if not isinstance(value, list) or not isinstance(items, Mapping):
        return value
    used = [_value(f"{path}.{index}", item, items, repairs) for index, item in enumerate(value)]
    return used if any(new is not old for new, old in zip(used, value, strict=True)) else value


def _members(path: str, given: dict[str, Any], schema: Mapping[str, Any], repairs: list[Repair]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        if name not in given:
            continue
        where = f"{path}.{name}" if path else name
        if given[name] is None and name not in required and not _fits(None, member):
            changed[name] = DROPPED
            _tell(repairs, Repair(where, None))
        elif (used := _value(where, given[name], member, repairs)) is not given[name]:
            changed[name] = used
    if not changed:
        return given
    return {name: value for name, value in (given | changed).items() if value is not DROPPED}


def _tell(repairs: list[Repair], repair: Repair) -> None:
    if len(repairs) < MAX_REPAIRS:
        repairs.append(repair)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Type and enum only: a limit that is broken is nothing to repair. 5.0 is no integer here, so that it becomes 5."""
    types = _types(schema)
    return (not types or any(_is(value, kind) for kind in types)) and _is_listed(value, schema)


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    kinds = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else kinds


def _is(value: Any, kind: str) -> bool:
    # To Python a boolean is an integer.
    return kind == "boolean" if isinstance(value, bool) else isinstance(value, _CLASSES.get(kind, ()))


def _is_listed(value: Any, schema: Mapping[str, Any]) -> bool:
    options = schema.get("enum")
    return options is None or any(_is_same(option, value) for option in options)


def _is_same(one: Any, other: Any) -> bool:
    """JSON's equality at the top: to Python, true is 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _distinct(values: Iterator[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(_is_same(value, other) for other in found):
            found.append(value)
    return found


def _readings(given: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """What the value may have meant under each of the types that are due, the schema's enum applied."""
    options = schema.get("enum")
    if isinstance(given, str) and options is not None:
        word = given.strip().casefold()
        near = [option for option in options if isinstance(option, str) and option.strip().casefold() == word]
        yield from (option for option in near if _fits(option, schema))
    for kind in _types(schema):
        for reading in _as(given, kind):
            if _is_listed(reading, schema):
                yield reading


def _as(given: Any, kind: str) -> Iterator[Any]:
    """The value as that type, if it can only be meant as one."""
    match kind, given:
        case ("array", str()) | ("object", str()):
            yield from _parsed(given, "[" if kind == "array" else "{")
        case "integer", str() if whole := _WHOLE.fullmatch(given):
            yield int(whole[1])
        case "integer", float() if given.is_integer() and abs(given) < _EXACT:
            yield int(given)
        case "number", str() if _DECIMAL.fullmatch(given):
            yield float(given) if "." in given else int(given)
        case "boolean", str() if given.lower() in {"true", "false"}:
            yield given.lower() == "true"
        case "string", int() if not isinstance(given, bool) and abs(given) < _EXACT:
            yield str(given)


def _parsed(text: str, first: Literal["[", "{"]) -> Iterator[Any]:
    """The array or object a text spells; orjson refuses NaN, lone surrogates and more than 1,024 levels."""
    if len(text) > _MAX_JSON_TEXT or not text.lstrip().startswith(first):
        return
    try:
        yield orjson.loads(text)
    except orjson.JSONDecodeError:
        return


def _shown(value: Any) -> Any:
    """Scalars as they are, long texts cut; a list or object as it is while it is small, else the start of its JSON."""
    if isinstance(value, dict | list):
        try:
            text = orjson.dumps(value).decode()
        except TypeError:
            return "[…]" if isinstance(value, list) else "{…}"
        return value if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return f"{value[:_MAX_SHOWN]}…" if isinstance(value, str) and len(value) > _MAX_SHOWN else value
