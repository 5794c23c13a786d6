"""Reading upstream's error bodies: five JSON shapes and plain text come out as one value.

Shapes seen: a list of `{value, msg, param, location}` (express-validator) under `error` or `errors` or as the body
itself, `{"error": {"message"}}`, `{"errors": {"message"}}`, `{"message"}`, and `{"error": "text"}`. All of them come
with a 2xx too, alone or around an empty place for the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import orjson

_MAX_DEPTH = 4
_MAX_PROBLEMS = 50
_MAX_PROBLEM_TEXT = 500
_MAX_VALUE = 200
_MAX_TEXT = 10_000
_MAX_VALUES = 50_000
"""Members and elements of an error body that is read; one of more is a trick, and no complaint."""
_TIMED_OUT = "timed out"
_ERROR_MEMBERS = ("error", "errors", "errorMessage")
"""The last one is a function's that failed behind AWS API Gateway, which may hand it on with a 200."""
_STATUS_MEMBERS = ("statusCode", "status", "code")
_STATUSES = range(100, 600)
_FAILED_WORDS = frozenset({"error", "fail", "failed", "failure"})
_FAULT_MEMBERS = frozenset({"value", "msg", "param", "path", "location", "type"})
"""Of an express-validator fault."""
_COMPANIONS = frozenset(
    {*_ERROR_MEMBERS, *_STATUS_MEMBERS, "message", "success"}
    # RFC 9457, and AWS Lambda.
    | {"type", "title", "detail", "instance", "errorType", "trace", "stackTrace", "requestId"}
)
"""What may stand in an object that says nothing but what is wrong."""


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
    status: int | None = None
    """The HTTP status that the body itself names."""

    @property
    def is_timeout(self) -> bool:
        """Whether a front end gave up waiting (29 s at AWS API Gateway): what stands behind it may have gone on."""
        return _TIMED_OUT in self.message.casefold()


def read_complaint(body: bytes) -> Complaint:
    """The complaint in a body of any form; HTML, binary and what is very wide say nothing worth passing on."""
    if len(body) > _MAX_VALUES and body.count(b",") + body.count(b"[") + body.count(b"{") > _MAX_VALUES:
        return Complaint()
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
            return Complaint(_in_one_line(value))
        case list():
            return _of_list(value)
        case dict():
            return _of_object(value, depth)
    return Complaint()


def complaint_alone(value: Any, depth: int = 0) -> Complaint | None:
    """What an object says is wrong when it says nothing else: what else it has is empty, or is such an object.

    So does an array of nothing but faults.
    """
    if isinstance(value, list) and value and all(map(_is_fault, value[:_MAX_PROBLEMS])):
        return _of_list(value)
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    other: Any = None
    for name, item in value.items():
        if name not in _COMPANIONS and item:
            if other:
                return None
            other = item
    if other:
        return complaint_alone(other, depth + 1)
    return replace(complaint_of(value), status=_status(value)) if _is_wrong(value) else None


def message_alone(value: Any) -> Complaint | None:
    """The text of an object that has nothing but it: the front end's way to say that there is no answer."""
    if not isinstance(value, dict) or not value.keys() <= _COMPANIONS or value.get("success") is True:
        return None
    complaint = complaint_of(value)
    return complaint if complaint.message and _status(value) is None else None


def says_nothing(value: Any) -> bool:
    """Whether an object is empty, or has nothing but empty places for what might be wrong."""
    return isinstance(value, dict) and value.keys() <= _COMPANIONS and not any(value.values())


def names_error(value: Any) -> bool:
    """Whether an object has an error member that says something, whatever else it has."""
    return isinstance(value, dict) and any(value.get(member) for member in _ERROR_MEMBERS)


def _is_fault(item: Any) -> bool:
    return isinstance(item, dict) and "msg" in item and len(item) > 1 and item.keys() <= _FAULT_MEMBERS


def _is_wrong(value: Mapping[str, Any]) -> bool:
    if names_error(value) or value.get("success") is False:
        return True
    word = value.get("status")
    return (_status(value) or 0) >= HTTPStatus.BAD_REQUEST or (isinstance(word, str) and word.lower() in _FAILED_WORDS)


def _status(value: Mapping[str, Any]) -> int | None:
    numbers = (found for name in _STATUS_MEMBERS if type(found := value.get(name)) is int)
    return next((number for number in numbers if number in _STATUSES), None)


def _of_object(value: Mapping[str, Any], depth: int) -> Complaint:
    for member in _ERROR_MEMBERS:
        inner = complaint_of(value.get(member), depth + 1)
        if inner.message or inner.problems:
            return inner
    message = _first_text(value, ("message", "msg", "Message", "detail", "error_description", "title"))
    return Complaint(message)


def _of_list(items: Sequence[Any]) -> Complaint:
    problems = tuple(found for item in items[:_MAX_PROBLEMS] if (found := _field(item)) is not None)
    texts = [_in_one_line(item) for item in items[:_MAX_PROBLEMS] if isinstance(item, str)]
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
    return next((_in_one_line(text) for name in names if isinstance(text := value.get(name), str) and text), "")


def _in_one_line(text: str) -> str:
    """The text with single blanks; of megabytes only the front, and more of it than is ever told."""
    return " ".join(text[:_MAX_TEXT].split())


def _plain_text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return ""
    collapsed = _in_one_line(text)
    return "" if collapsed.startswith(("<", "{", "[")) or not collapsed.isprintable() else collapsed
