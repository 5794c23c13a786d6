"""Reading upstream's error bodies: five JSON shapes and plain text come out as one value.

Shapes seen: a list of `{value, msg, param, location}` (express-validator) under `error` or `errors` or as the body
itself, `{"error": {"message"}}`, `{"errors": {"message"}}`, `{"message"}`, and `{"error": "text"}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

_MAX_DEPTH = 4
_MAX_PROBLEMS = 50
_MAX_PROBLEM_TEXT = 500
_MAX_VALUE = 200
_ERROR_MEMBERS = ("error", "errors")
_COMPANIONS = frozenset({*_ERROR_MEMBERS, "message", "status", "statusCode", "code", "success"})


@dataclass(frozen=True, slots=True)
class FieldComplaint:
    """One field upstream did not like."""

    field: str
    """Upstream's name, e.g. `ticket.via.channel`."""
    message: str
    value: Any = None

    def to_dict(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The wire form, with our argument's name where the field is one of ours."""
        out: dict[str, Any] = {"path": names.get(self.field, self.field), "message": self.message}
        return out if self.value is None else {**out, "value": self.value}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What upstream said is wrong; both parts may be empty."""

    message: str = ""
    problems: tuple[FieldComplaint, ...] = ()


def read_complaint(body: bytes) -> Complaint:
    """The complaint in a body of any form; HTML and binary say nothing worth passing on."""
    try:
        return complaint_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        return Complaint(_plain_text(body))


def complaint_of(value: Any, depth: int = 0) -> Complaint:
    """The complaint in a JSON value; what is nested deeper than any known form says nothing."""
    if depth > _MAX_DEPTH:
        return Complaint()
    match value:
        case str():
            return Complaint(" ".join(value.split()))
        case list():
            return _of_list(value)
        case dict():
            return _of_object(value, depth)
    return Complaint()


def is_only_a_complaint(value: Any) -> bool:
    """Whether an object carries an error and nothing else: some APIs answer such a thing with 200."""
    if not isinstance(value, dict) or not value.keys() <= _COMPANIONS:
        return False
    return any(value.get(member) for member in _ERROR_MEMBERS)


def _of_object(value: Mapping[str, Any], depth: int) -> Complaint:
    for member in _ERROR_MEMBERS:
        inner = complaint_of(value.get(member), depth + 1)
        if inner.message or inner.problems:
            return inner
    message = _first_text(value, ("message", "msg", "Message", "detail", "error_description"))
    return Complaint(message)


def _of_list(items: Sequence[Any]) -> Complaint:
    problems = tuple(found for item in items[:_MAX_PROBLEMS] if (found := _field(item)) is not None)
    texts = [item for item in items[:_MAX_PROBLEMS] if isinstance(item, str)]
    return Complaint("; ".join(texts), problems)


def _field(item: Any) -> FieldComplaint | None:
    if not isinstance(item, dict):
        return None
    message = _first_text(item, ("msg", "message"))
    name = _first_text(item, ("param", "path", "field"))
    if not message and not name:
        return None
    return FieldComplaint(name[:_MAX_PROBLEM_TEXT], message[:_MAX_PROBLEM_TEXT] or "Invalid value", _small(item))


def _small(item: Mapping[str, Any]) -> Any:
    """The refused value where it is a short scalar; long texts and structures say nothing new to who sent them."""
    value = item.get("value")
    if isinstance(value, str):
        return value[:_MAX_VALUE]
    return value if isinstance(value, bool | int | float) else None


def _first_text(value: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((" ".join(text.split()) for name in names if isinstance(text := value.get(name), str) and text), "")


def _plain_text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return ""
    collapsed = " ".join(text.split())
    return "" if collapsed.startswith(("<", "{", "[")) or not collapsed.isprintable() else collapsed
