"""Rate-limit headers of an answer -> one reading; pure, tolerant, never raises.

Richpanel documents X-RateLimit-Limit, X-RateLimit-Remaining and Retry-After, and no reset header
(https://developer.richpanel.com/reference/limitations). Others say the same in other words, and each way of saying it
is one `_Family` here; an earlier family wins.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mcp_gateway.models.limits import RateLimits

MAX_SECONDS = 86_400
"""A wait longer than a day is a mistake or an attack, and is dropped."""

_TOO_MANY_REQUESTS = 429
_LONGEST_VALUE = 256
_COUNT = re.compile(r"\d{1,10}", re.ASCII)
_SECONDS = re.compile(r"(-?)(\d{1,10})(\.\d{1,9})?", re.ASCII)
_LEADING_COUNT = re.compile(r"(\d{1,10})\s*(?:[,;].*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Family:
    """The names under which one convention tells a window."""

    limit: str
    remaining: str
    reset: str | None


_FAMILIES = (
    # draft-ietf-httpapi-ratelimit-headers up to -06: reset in delta seconds, policies after the limit's first number
    _Family("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    _Family("x-ratelimit-limit", "x-ratelimit-remaining", None),
)


@dataclass(frozen=True, slots=True)
class _Window:
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: int | None = None

    def joined_with(self, later: "_Window") -> "_Window":
        """Gaps filled from a later family, unless its limit shows that it speaks of another window."""
        if self.limit is not None and later.limit not in {None, self.limit}:
            return self
        return _Window(
            limit=_first(self.limit, later.limit),
            remaining=_first(self.remaining, later.remaining),
            reset_seconds=_first(self.reset_seconds, later.reset_seconds),
        )


def parse(
    headers: Mapping[str, str], status: int, *, default_window_seconds: int = 30, now: datetime | None = None
) -> RateLimits | None:
    """What the answer tells of the quota, or None if nothing.

    A 429 always gives a wait: Retry-After, else the told reset, else `default_window_seconds`, marked `estimated`.
    On other answers a reset nobody told stays None.

    Args:
        headers: lower-case names, repeated ones joined by `, `.
        status: of the answer.
        default_window_seconds: the documented window.
        now: stands in for a missing `Date` when Retry-After is a date; without either such a date is dropped.
    """
    window = _Window()
    for family in _FAMILIES:
        window = window.joined_with(_read(family, headers))
    if status == _TOO_MANY_REQUESTS:
        return _limited(window, retry_after(headers, now=now), default_window_seconds)
    if window == _Window():
        return None
    return RateLimits(
        limit=window.limit,
        remaining=window.remaining,
        reset_seconds=window.reset_seconds,
        window_seconds=default_window_seconds,
    )


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> int | None:
    """`Retry-After` in whole seconds, rounded up, from either form of RFC 9110 §10.2.3; None if absent or unusable.

    A date is relative to the answer's own `Date`, since the two clocks need not agree.
    """
    value = _text(headers, "retry-after")
    number = _SECONDS.fullmatch(value)
    if number:
        return 0 if number[1] else _seconds(math.ceil(float(f"{number[2]}{number[3] or ''}")))
    until = _date(value)
    since = _date(_text(headers, "date")) or now
    if until is None or since is None:
        return None
    return _seconds(math.ceil((until - since).total_seconds()))


def _limited(window: _Window, told: int | None, default_window_seconds: int) -> RateLimits:
    wait = _first(told, window.reset_seconds)
    seconds = default_window_seconds if wait is None else wait
    return RateLimits(
        limit=window.limit,
        remaining=_first(window.remaining, 0),
        reset_seconds=seconds,
        retry_after_seconds=seconds,
        window_seconds=default_window_seconds,
        estimated=wait is None,
    )


def _read(family: _Family, headers: Mapping[str, str]) -> _Window:
    return _Window(
        limit=_leading_count(_text(headers, family.limit)),
        remaining=_count(_text(headers, family.remaining)),
        reset_seconds=None if family.reset is None else _seconds(_count(_text(headers, family.reset))),
    )


def _text(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "")[:_LONGEST_VALUE].strip()


def _count(value: str) -> int | None:
    """A single number, or a list that only repeats it; several different ones are windows we cannot tell apart."""
    members = {member.strip() for member in value.split(",")}
    member = members.pop()
    return int(member) if not members and _COUNT.fullmatch(member) else None


def _leading_count(value: str) -> int | None:
    """`10, 10;w=1, 50;w=60` -> 10: the first number is the limit, the rest are policies."""
    found = _LEADING_COUNT.fullmatch(value)
    return int(found[1]) if found else None


def _seconds(value: int | None) -> int | None:
    return None if value is None or value > MAX_SECONDS else max(value, 0)


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _first(*figures: int | None) -> int | None:
    return next((figure for figure in figures if figure is not None), None)
