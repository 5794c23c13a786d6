"""Faults as other processes describe them, in JSON."""

from collections.abc import Container, Mapping
from dataclasses import fields
from typing import Any

import orjson

from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.faults import ForcedAnswer

_LOWEST, _HIGHEST = 200, 599
_MOST_BYTES = 1024**3
_LONGEST = 3600


class FaultError(ValueError):
    """A fault description that makes no sense; the message says what does."""


def read_fault(value: Any) -> ForcedAnswer:
    """Read one fault from a JSON object of the fields of ``ForcedAnswer``.

    ``headers`` is an object of text or lists of text; ``body`` is text to send as it is, or any other JSON value.

    Raises:
        FaultError: anything that is not that.
    """
    if not isinstance(value, dict):
        raise FaultError("a fault is an object")
    known = [field.name for field in fields(ForcedAnswer)]
    if unknown := sorted(value.keys() - set(known)):
        raise FaultError(f"unknown keys {', '.join(unknown)}; there are: {', '.join(known)}")
    _check(value)
    given = {**value, "headers": _headers(value.get("headers", {}))}
    if "body" in value:
        given["body"] = value["body"].encode() if isinstance(value["body"], str) else orjson.dumps(value["body"])
    return ForcedAnswer(**given)


def _is_in(value: Any, known: Container[str]) -> bool:
    return isinstance(value, str) and value in known


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_wait(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST


def _check(value: Mapping[str, Any]) -> None:
    problems = {
        f"kind must be one of: {', '.join(KINDS)}": _is_in(value.get("kind", "answer"), KINDS),
        f"dress must be one of: {', '.join(DRESSES)}": _is_in(value.get("dress", "richpanel"), DRESSES),
        "dress goes with the kind rate_limited": "dress" not in value or value.get("kind") == "rate_limited",
        f"status must be {_LOWEST} to {_HIGHEST}": _is_whole(value.get("status", 500), _LOWEST, _HIGHEST),
        "times must be a whole number from 1": _is_whole(value.get("times", 1), 1, 2**31),
        f"seconds must be 0 to {_LONGEST}": _is_wait(value.get("seconds", 0)),
        f"size must be 1 to {_MOST_BYTES}": _is_whole(value.get("size", 1), 1, _MOST_BYTES),
        "method, path and tenant must be text": all(
            isinstance(value.get(name), str | None) for name in ("method", "path", "tenant")
        ),
        "after_effect and rate_limit_headers must be true or false": all(
            isinstance(value.get(name, False), bool) for name in ("after_effect", "rate_limit_headers")
        ),
    }
    for problem, is_fine in problems.items():
        if not is_fine:
            raise FaultError(problem)


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise FaultError("headers must be an object")
    pairs = [(name, text) for name, given in value.items() for text in (given if isinstance(given, list) else [given])]
    for name, text in pairs:
        if not (isinstance(text, str) and text.isprintable() and text.isascii() and name.isprintable() and name):
            raise FaultError(f"header {name!r} must be printable ASCII text or a list of such")
    return tuple(pairs)
