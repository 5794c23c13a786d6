"""UpstreamResponse → ToolOutcome: one tolerant normaliser, driven by the document's response notes.

Unknown fields are kept, missing ones never fail a call; what is promised is only `result` and `next_cursor`.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mcp_gateway.catalog import wide_integers
from mcp_gateway.catalog.description import ResponseDescription
from mcp_gateway.catalog.error_bodies import (
    Complaint,
    complaint_alone,
    message_alone,
    names_error,
    says_nothing,
)
from mcp_gateway.catalog.errors import ErrorContext, ambiguous, bad_response, classify, complaint_in_success
from mcp_gateway.catalog.media import MediaError, MediaTooLargeError, is_json, read_media
from mcp_gateway.catalog.presentation import NOTICE, RESULT, Presentation
from mcp_gateway.catalog.run import Run
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.upstream import UpstreamResponse

_LISTS = frozenset({"list", "optional"})
_DATA = frozenset({*_LISTS, "object"})
_SUCCESSFUL = 2
"""First digit of a status."""
_BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 100
"""Levels of nesting an answer may have; orjson reads far more than it writes back."""
_WRITABLE_DEPTH = 254
_LARGE_BODY = 256 * 1024
MAX_VALUES = 600_000
"""Members and elements of an answer: 8 MiB of conversations have half of it, 8 MiB of `{},` would be 200 MB here."""


class _UnusableError(Exception):
    """The body is not what a read of this tool can give; the text is the rest of a sentence."""


class _AmbiguousError(_UnusableError):
    """There are several records where one was asked for."""

    def __init__(self, count: int) -> None:
        super().__init__(f"there are {count} records in the body where one was expected")
        self.count = count


@dataclass(frozen=True, slots=True)
class Shaper:
    """How one tool's answers are read."""

    response: ResponseDescription
    errors: ErrorContext
    presentation: Presentation

    def shape(
        self,
        response: UpstreamResponse,
        arguments: Mapping[str, Any],
        limits: RateLimits | None,
        run: Run,
    ) -> ToolOutcome:
        """The outcome of a complete answer, whatever its status.

        `arguments` are those of the call: the next cursor continues from them.
        """
        if response.status // 100 != _SUCCESSFUL:
            return classify(response, self.errors, limits)
        if self.response.shape == "content":
            content_type = response.headers.get("content-type", "")
            if not is_json(content_type):
                return self._media(response, content_type, limits)
        if len(response.body) < _LARGE_BODY:
            return self._read(response, arguments, limits, run)
        with _without_collections():
            return self._read(response, arguments, limits, run)

    def _media(self, response: UpstreamResponse, content_type: str, limits: RateLimits | None) -> ToolOutcome:
        try:
            media = read_media(content_type, response.body)
        except MediaError as exc:
            answer = self._unusable(response, str(exc))
            if not isinstance(answer, ToolError):
                return ToolOutcome(structured=answer, limits=limits)
            if isinstance(exc, MediaTooLargeError):
                answer = replace(answer, type=ErrorType.UPSTREAM_TOO_LARGE)
            return ToolOutcome.from_error(answer, limits)
        return ToolOutcome(structured={"result": media.summary}, limits=limits, content=(media.block,))

    def _read(
        self, response: UpstreamResponse, arguments: Mapping[str, Any], limits: RateLimits | None, run: Run
    ) -> ToolOutcome:
        try:
            body = _json(response.body)
            complaint = self._complaint(body)
            if complaint is not None:
                return complaint_in_success(response, complaint, self.errors, limits)
            answer = self._success(body, response, arguments, run)
        except _UnusableError as exc:
            answer = self._unusable(response, str(exc))
            if isinstance(exc, _AmbiguousError) and isinstance(answer, ToolError):
                answer = ambiguous(response, self.errors, exc.count, self.response.several)
        if isinstance(answer, ToolError):
            return ToolOutcome.from_error(answer, limits)
        return ToolOutcome(structured=answer, limits=limits)

    def _success(
        self, body: Any, response: UpstreamResponse, arguments: Mapping[str, Any], run: Run
    ) -> dict[str, Any] | ToolError:
        result = self._result(body)
        if result is None and self.response.shape == "object":
            return self._nothing_there(response)
        if not run.is_shown:
            self.presentation.preparation.put_in_order(result)
            return {RESULT: result}
        if self.response.shape in _LISTS:
            return self.presentation.records(body, result, arguments, run)
        self.presentation.preparation.put_in_order(result)
        shown = self.presentation.record(result, arguments, run)
        if self.errors.is_write and names_error(body):
            said = f"{self.errors.title} answered with an error beside the result, so part of the change may be missing"
            shown[NOTICE] = f"{said}: {self.errors.settle or self.errors.unsettled} {shown.get(NOTICE, '')}".strip()
        return shown

    def _complaint(self, body: Any) -> Complaint | None:
        """What a 2xx says is wrong, in place of what was asked for."""
        complaint = complaint_alone(body)
        if complaint is not None or self.response.shape == "content":
            return complaint
        message = message_alone(body)
        # Of a write, a message alone is an answer as good as any.
        return message if message is not None and (message.is_timeout or self.response.shape in _DATA) else None

    def _result(self, body: Any) -> Any:
        match self.response.shape:
            case "list":
                return _listed(body, self.response.keys)
            case "object":
                return _record(body, self.response.keys)
            case "optional":
                return [r for r in _records_or_self(body, self.response.keys) if _has(r, self.response.present)]
        return _accepted(body, self.response.keys)

    def _unusable(self, response: UpstreamResponse, why: str) -> dict[str, Any] | ToolError:
        """A 2xx to a write says that it was accepted, readable or not: an error here would invite a second write."""
        if not self.errors.is_write:
            return bad_response(response, self.errors, why)
        settle, unsettled = self.errors.settle, self.errors.unsettled
        effect = f"Do not repeat it. To see its effect: {settle}" if settle else f"No look-up shows it. {unsettled}"
        notice = f"{self.errors.title} accepted the change (HTTP {response.status}), but {why}. {effect}"
        return {"result": {}, "notice": notice}

    def _nothing_there(self, response: UpstreamResponse) -> ToolError:
        hint = self.errors.hints.get(404, "")
        message = f"{self.errors.title} answered with an empty object, so nothing is there. {hint}".strip()
        return ToolError(ErrorType.NOT_FOUND, "upstream", message, response.status)


def _json(body: bytes) -> Any:
    """Strict JSON in UTF-8 (RFC 8259): no NaN, no second value, no lone surrogate; a byte order mark is forgiven."""
    text = body.removeprefix(_BOM)
    containers = text.count(b"[") + text.count(b"{")
    # Counting bytes bounds both figures from above; text inside strings counts too, and is a small part of an answer.
    if len(text) > MAX_VALUES and containers + text.count(b",") > MAX_VALUES:
        raise _UnusableError(f"the body holds more than {MAX_VALUES} values")
    try:
        value = wide_integers.loads(text)
    except orjson.JSONDecodeError as exc:
        if not text.strip():
            raise _UnusableError("the body is empty") from exc
        raise _UnusableError(f"the body is not JSON ({len(body)} bytes)") from exc
    if containers > MAX_DEPTH and _is_deep(value):
        raise _UnusableError(f"the body is nested more than {MAX_DEPTH} levels deep")
    return value


def _is_deep(value: Any) -> bool:
    """Whether containers are nested more than MAX_DEPTH levels, the value itself being the first."""
    for _ in range(_WRITABLE_DEPTH - MAX_DEPTH):
        value = [value]
    try:
        # Writing it once is a tenth of the work of walking through it.
        orjson.dumps(value)
    except TypeError:
        return True
    return False


@contextmanager
def _without_collections() -> Iterator[None]:
    """Read a large body without the collector of cycles: it would walk through what is being built again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _records(body: Any, keys: Sequence[str]) -> list[Any]:
    """The array under the first key that is there, or the body itself; absent or null is an empty list."""
    found = _under(body, keys) if isinstance(body, dict) else body
    if found is None and isinstance(body, dict):
        return []
    if isinstance(found, dict):
        return [found] if found else []
    if not isinstance(found, list):
        raise _UnusableError("there is no list of records in the body")
    return found


def _listed(body: Any, keys: Sequence[str]) -> list[Any]:
    """As `_records`, but records under another name are not told as none."""
    records = _records(body, keys)
    if records or not isinstance(body, dict) or any(key in body for key in keys) or body.get("count") == 0:
        return records
    if any(isinstance(value, list) and value and isinstance(value[0], dict) for value in body.values()):
        raise _UnusableError(f"its records are under none of the names {', '.join(keys)}")
    return records


def _records_or_self(body: Any, keys: Sequence[str]) -> list[Any]:
    """As `_records`, but an object without any of the keys is itself the record."""
    if isinstance(body, dict) and not any(key in body for key in keys):
        return [body]
    return _records(body, keys)


def _record(body: Any, keys: Sequence[str]) -> dict[str, Any] | None:
    """The one object of the body; None when there is an empty place where it should be."""
    found = _records_or_self(body, keys)
    if not found or says_nothing(found[0]):
        return None
    if len(found) > 1:
        raise _AmbiguousError(len(found))
    if not isinstance(found[0], dict):
        raise _UnusableError("there is no single record in the body")
    return found[0]


def _accepted(body: Any, keys: Sequence[str]) -> Any:
    """A write's answer, unwrapped where it is the record itself and no error stands beside it."""
    if body is None:
        raise _UnusableError("the body is empty")
    inner = _under(body, keys) if isinstance(body, dict) and not names_error(body) else None
    return inner if isinstance(inner, dict) else body


def _under(body: Mapping[str, Any], keys: Iterable[str]) -> Any:
    for key in keys:
        found = body.get(key)
        if found is not None:
            return found
    return None


def _has(record: Any, name: str | None) -> bool:
    if not isinstance(record, dict):
        raise _UnusableError("a record in the body is not an object")
    return bool(record) if name is None else record.get(name) is not None and record[name] != ""
