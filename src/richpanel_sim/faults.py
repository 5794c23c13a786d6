"""Answers forced on the next requests, in the order they were queued."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import orjson

from richpanel_sim.exchange import JSON_TYPE, Reply

_LOWEST, _HIGHEST = 200, 599


class FaultError(ValueError):
    """A fault description that makes no sense; the message says what does."""


@dataclass(frozen=True, slots=True)
class ForcedAnswer:
    """What the next ``times`` matching requests get instead of their answer.

    ``kind`` ``answer`` sends ``status`` with exactly ``headers`` and ``body`` (no rate-limit headers unless
    ``rate_limit_headers``; content type JSON unless given); ``drop`` closes the connection without a byte.
    ``after_effect`` lets the request do its work first, as a gateway timeout after a write does.
    ``method``, ``path`` (start of the raw target, such as ``/v1/tickets``) and ``tenant`` narrow what matches.
    """

    kind: Literal["answer", "drop"] = "answer"
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    times: int = 1
    method: str | None = None
    path: str | None = None
    tenant: str | None = None
    after_effect: bool = False
    rate_limit_headers: bool = False

    @classmethod
    def from_json(cls, value: Any) -> "ForcedAnswer":
        """Read one fault from a JSON object of these fields.

        ``headers`` is an object of text or lists of text; ``body`` is text to send as it is, or any other JSON value.

        Raises:
            FaultError: anything that is not that.
        """
        if not isinstance(value, dict):
            raise FaultError("a fault is an object")
        known = {f.name: f for f in fields(cls)}
        if unknown := sorted(value.keys() - known.keys()):
            raise FaultError(f"unknown keys {', '.join(unknown)}; there are: {', '.join(known)}")
        _check(value)
        given = {**value, "headers": _headers(value.get("headers", {}))}
        if "body" in value:
            given["body"] = value["body"].encode() if isinstance(value["body"], str) else orjson.dumps(value["body"])
        return cls(**given)

    def matches(self, method: str, target: bytes, tenant: str | None) -> bool:
        """Whether a request is one of those this fault is for."""
        return (
            self.method in (None, method)
            and target.startswith((self.path or "").encode())
            and self.tenant in (None, tenant)
        )

    def to_reply(self) -> Reply:
        """The forced answer, with a JSON content type when none was given."""
        typed = any(name.lower() == "content-type" for name, _ in self.headers)
        return Reply(self.status, self.body, self.headers if typed else (("content-type", JSON_TYPE), *self.headers))


@dataclass(slots=True, eq=False)
class _Queued:
    fault: ForcedAnswer
    left: int


class FaultQueue:
    """Forced answers waiting for their requests; the first that matches is used up first."""

    def __init__(self) -> None:
        self._waiting: list[_Queued] = []

    def add(self, fault: ForcedAnswer) -> None:
        """Queue ``fault`` behind those already waiting."""
        self._waiting.append(_Queued(fault, fault.times))

    def take(self, method: str, target: bytes, tenant: str | None) -> ForcedAnswer | None:
        """The fault this request is to suffer, counted off; None for an honest answer."""
        for entry in self._waiting:
            if entry.fault.matches(method, target, tenant):
                entry.left -= 1
                if not entry.left:
                    self._waiting.remove(entry)
                return entry.fault
        return None

    def reset(self) -> None:
        """Forget every fault that has not happened yet."""
        self._waiting.clear()

    def __len__(self) -> int:
        """How many requests are still to suffer."""
        return sum(entry.left for entry in self._waiting)


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _check(value: Mapping[str, Any]) -> None:
    problems = {
        "kind must be answer or drop": value.get("kind", "answer") in ("answer", "drop"),
        f"status must be {_LOWEST} to {_HIGHEST}": _is_whole(value.get("status", 500), _LOWEST, _HIGHEST),
        "times must be a whole number from 1": _is_whole(value.get("times", 1), 1, 2**31),
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
