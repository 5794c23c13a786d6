"""What a failed exchange means to the caller: one type, a plain sentence, and what to do next.

Statuses and body shapes are Richpanel's (https://developer.richpanel.com/reference/errors) and its front end's.
Whether a write may have happened decides between `upstream_*` and `outcome_unknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from mcp_gateway.catalog.error_bodies import Complaint, read_complaint
from mcp_gateway.catalog.shrink import front_within, length_of
from mcp_gateway.exceptions import UpstreamError, UpstreamTimeoutError, UpstreamTooLargeError, UpstreamUnreachableError
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.upstream import UpstreamResponse

_PROBLEMS, _LEFT_OUT = "problems", "problems_left_out"
MAX_MESSAGE = 2000
"""Characters of a message as JSON writes it, upstream's part included."""
_GATEWAY_STATUSES = frozenset({408, 502, 503, 504})
_MAYBE = "The change may or may not have been made"


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """What a tool's document says about its failures."""

    title: str
    """Name of the upstream product, for sentences."""
    is_write: bool
    settle: str
    """The look-up that tells whether a write took effect; empty for reads, and where there is none."""
    hints: Mapping[int, str]
    quota: int
    window_seconds: int
    wire_names: Mapping[str, str] = field(default_factory=dict)
    """Field as upstream names it → our argument."""
    unsettled: str = ""
    """What to do where no look-up tells."""
    not_found: tuple[str, ...] = ()
    """Words, in lower case, of refusals that mean that nothing is there."""

    @property
    def doubt(self) -> str:
        """What to do about a write of which nobody knows whether it was made."""
        if self.settle:
            return f"{_MAYBE}: do not repeat it blindly. {self.settle}"
        return f"{_MAYBE}, and no look-up can tell. {self.unsettled}"


def classify(response: UpstreamResponse, context: ErrorContext, limits: RateLimits | None) -> ToolOutcome:
    """The error of an answer that is not 2xx; `limits` is the reading of its headers."""
    if _is_rate_limited(response.status, limits):
        return rate_limited(response.status, context, limits)
    if response.status // 100 not in {4, 5}:
        return ToolOutcome.from_error(_unexpected(response.status, context), limits)
    complaint = read_complaint(response.body)
    if context.is_write and _may_have_acted(response.status, complaint):
        # A wait would read as leave to try again after it.
        limits = None if limits is None else replace(limits, retry_after_seconds=None)
        return ToolOutcome.from_error(_unknown(context, response.status, complaint.message), limits)
    return ToolOutcome.from_error(_refusal(response.status, context, complaint, limits), limits)


def complaint_in_success(
    response: UpstreamResponse, complaint: Complaint, context: ErrorContext, limits: RateLimits | None
) -> ToolOutcome:
    """A 2xx whose body is nothing but an error object; a status that the body names counts for that of the answer."""
    told = complaint.status
    if told is not None and told >= HTTPStatus.BAD_REQUEST:
        return classify(response._replace(status=told), context, limits)
    if not complaint.is_timeout:
        error = _rejected(response.status, context, complaint)
    elif context.is_write:
        error = _unknown(context, response.status, complaint.message)
    else:
        error = _error(ErrorType.UPSTREAM_ERROR, "failed", response.status, context, complaint)
    return ToolOutcome.from_error(error, limits)


def ambiguous(response: UpstreamResponse, context: ErrorContext, count: int, advice: str) -> ToolError:
    """A 2xx with several records to a read of one."""
    what = f"{context.title} has {count} records that fit where one was asked for, so which is meant is not clear"
    message = f"{what}. The same call will not help. {advice}".strip()
    details = {"matches": count}
    return ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", message, response.status, details)


def bad_response(response: UpstreamResponse, context: ErrorContext, why: str) -> ToolError:
    """A 2xx to a read that cannot be used."""
    message = f"{context.title}'s answer cannot be used: {why}. Nothing was changed; the same call may work later."
    return ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", message, response.status)


def from_exception(exc: UpstreamError, context: ErrorContext, *, limit: int | None = None) -> ToolOutcome:
    """The error of an exchange without a complete answer; `limit` is the page size that was asked for."""
    if context.is_write and exc.sent:
        return ToolOutcome.from_error(_unknown(context, None, exc.message))
    kind, advice = _broken(exc, context, limit)
    return ToolOutcome.from_error(ToolError(kind, "upstream", f"{_sentence(exc.message)} {advice}"))


def unconfirmed(context: ErrorContext, said: str) -> ToolError:
    """Of a write that another process may have made; `said` is how that is known."""
    return ToolError(ErrorType.OUTCOME_UNKNOWN, "gateway", f"{_sentence(said)} {context.doubt}")


def rate_limited(status: int, context: ErrorContext, limits: RateLimits | None) -> ToolOutcome:
    """Upstream's 429 or its like, with a wait in any case: what it said, else an assumption, marked as estimated."""
    known = limits or RateLimits()
    wait = known.retry_after_seconds if known.retry_after_seconds is not None else known.reset_seconds
    estimated = known.estimated or wait is None
    wait = context.window_seconds if wait is None else wait
    reset = wait if known.reset_seconds is None else known.reset_seconds
    limits = replace(known, retry_after_seconds=wait, reset_seconds=reset, estimated=estimated)
    details = {
        "retry_after_seconds": wait,
        "limit": limits.limit,
        "remaining": limits.remaining,
        "reset_seconds": reset,
        "estimated": estimated,
    }
    error = ToolError(ErrorType.RATE_LIMITED, "upstream", _wait_sentence(context, limits, wait), status, details)
    return ToolOutcome.from_error(error, limits)


def within_budget(outcome: ToolOutcome, budget: int) -> ToolOutcome:
    """The outcome, its error in at most `budget` characters."""
    if outcome.error is None:
        return outcome
    error = bounded(outcome.error, budget)
    return outcome._replace(error=error, structured={**outcome.structured, "error": error.to_dict()})


def bounded(error: ToolError, budget: int) -> ToolError:
    """The error in at most `budget` characters of JSON, 4,000 or more: its message, and what it lists of problems.

    `problems_left_out` says how many are not listed.
    """
    bounded_one = replace(error, message=_cut(error.message, MAX_MESSAGE))
    problems = error.details.get(_PROBLEMS)
    if not isinstance(problems, list):
        return bounded_one
    frame = replace(bounded_one, details={**error.details, _PROBLEMS: [], _LEFT_OUT: len(problems)})
    room = budget - length_of({"error": frame.to_dict()})
    listed: list[Any] = []
    for problem in map(_short_problem, problems):
        room -= length_of(problem) + 1
        if room < 0:
            break
        listed.append(problem)
    left_out = {_LEFT_OUT: len(problems) - len(listed)} if len(listed) < len(problems) else {}
    return replace(bounded_one, details={**error.details, _PROBLEMS: listed, **left_out})


def _short_problem(problem: Any) -> Any:
    """Its texts are cut where they are longer than any message."""
    if not isinstance(problem, dict):
        return problem
    return {
        name: f"{value[: MAX_MESSAGE - 1]}…" if isinstance(value, str) and len(value) > MAX_MESSAGE else value
        for name, value in problem.items()
    }


def _wait_sentence(context: ErrorContext, limits: RateLimits, wait: int) -> str:
    quota = limits.limit if limits.limit is not None else context.quota
    window = limits.window_seconds or (context.window_seconds if quota == context.quota else None)
    policy = f"{quota} per {window} s" if window else f"limit {quota}"
    estimate = f" ({context.title} named no time; this is an estimate)" if limits.estimated else ""
    return f"Rate limited by {context.title} ({policy}). Retry after {wait} s{estimate}."


def _is_rate_limited(status: int, limits: RateLimits | None) -> bool:
    """429, and a 403 whose headers say so: only then does the reading of a 4xx have a wait."""
    if status == HTTPStatus.FORBIDDEN:
        return limits is not None and limits.retry_after_seconds is not None
    return status == HTTPStatus.TOO_MANY_REQUESTS


def _may_have_acted(status: int, complaint: Complaint) -> bool:
    """The front end gave up waiting, for what stands behind it or (408) for a body that may have come by then."""
    return status in _GATEWAY_STATUSES or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and complaint.is_timeout)


def _unexpected(status: int, context: ErrorContext) -> ToolError:
    redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    what = "a redirect, which is never followed" if redirect else "a status without meaning here"
    message = f"{context.title} answered HTTP {status}, {what}. An administrator must check the address of its API."
    if context.is_write:
        # Many a form's answer is a redirect to what it made.
        message = f"{message} {context.doubt}"
    return ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", message, status)


def _refusal(status: int, context: ErrorContext, complaint: Complaint, limits: RateLimits | None) -> ToolError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _error(ErrorType.UPSTREAM_AUTH, "did not accept the API key", status, context, complaint)
    if status == HTTPStatus.NOT_FOUND:
        return _error(ErrorType.NOT_FOUND, "has nothing there", status, context, complaint)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _rejected(status, context, complaint)
    error = _error(ErrorType.UPSTREAM_ERROR, "failed", status, context, complaint)
    if limits is None or limits.retry_after_seconds is None:
        return error
    return replace(error, details={**error.details, "retry_after_seconds": limits.retry_after_seconds})


def _rejected(status: int, context: ErrorContext, complaint: Complaint) -> ToolError:
    said = " ".join([complaint.message, *(problem.message for problem in complaint.problems)]).casefold()
    if any(words in said for words in context.not_found):
        return _error(ErrorType.NOT_FOUND, "has nothing there", status, context, complaint)
    return _error(ErrorType.UPSTREAM_REJECTED, "refused the call", status, context, complaint)


def _error(kind: ErrorType, verb: str, status: int, context: ErrorContext, complaint: Complaint) -> ToolError:
    problems = [item.to_dict(context.wire_names) for item in complaint.problems]
    said = complaint.message or "; ".join(f"{item['path']}: {item['message']}" for item in problems)
    message = _compose(f"{context.title} {verb} (HTTP {status})", said, _advice(kind, status, context))
    details = {"problems": problems} if problems else {}
    return ToolError(kind, "upstream", message, status, details, quotes_upstream=bool(said))


def _advice(kind: ErrorType, status: int, context: ErrorContext) -> str:
    if kind is ErrorType.UPSTREAM_REJECTED:
        return context.hints.get(status, "Correct the arguments before calling again.")
    if kind is ErrorType.NOT_FOUND:
        return context.hints.get(HTTPStatus.NOT_FOUND, "")
    if kind is ErrorType.UPSTREAM_ERROR and context.is_write:
        return context.doubt
    return context.hints.get(status, "The same call may work later.")


def _unknown(context: ErrorContext, status: int | None, said: str) -> ToolError:
    what = f"{context.title} did not confirm the change" + (f" (HTTP {status})" if status is not None else "")
    quotes = status is not None and bool(said)
    message = _compose(what, said, context.doubt)
    return ToolError(ErrorType.OUTCOME_UNKNOWN, "upstream", message, status, quotes_upstream=quotes)


def _broken(exc: UpstreamError, context: ErrorContext, limit: int | None) -> tuple[ErrorType, str]:
    unchanged = "Nothing was sent; " if not exc.sent else "Nothing was changed; " if not context.is_write else ""
    later = f"{unchanged}the same call may work later.".capitalize()
    match exc:
        case UpstreamUnreachableError():
            return ErrorType.UPSTREAM_UNREACHABLE, later
        case UpstreamTimeoutError():
            return ErrorType.UPSTREAM_TIMEOUT, later
        case UpstreamTooLargeError():
            return ErrorType.UPSTREAM_TOO_LARGE, _less(limit)
    return ErrorType.UPSTREAM_BAD_RESPONSE, later


def _less(limit: int | None) -> str:
    """How to ask for less."""
    if limit is None:
        return "Nothing smaller can be asked for here."
    if limit == 1:
        return "One record alone is that large: read it by its id."
    return f"Ask for less at once, with `limit` {max(1, limit // 4)} from the first page on."


def _compose(what: str, said: str, advice: str) -> str:
    """`what: said advice`, upstream's words cut so that the whole stays within MAX_MESSAGE and the advice survives."""
    if not said:
        return f"{what}. {advice}".strip()
    room = MAX_MESSAGE - len(what) - len(advice) - 5
    return f"{what}: {_sentence(_cut(said, room))} {advice}".strip()


def _cut(text: str, room: int) -> str:
    """The text, or its front, in `room` characters of a JSON string."""
    # The front that is measured is short, however long the text.
    count = front_within(text[: room + 1], room)
    return text if count == len(text) else f"{text[: front_within(text[:room], room - 1)]}…"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
