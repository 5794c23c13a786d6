"""Rate-limit headers of an answer -> one reading; pure, tolerant, never raises.

Richpanel documents X-RateLimit-Limit, X-RateLimit-Remaining and Retry-After, and no reset header
(https://developer.richpanel.com/reference/limitations). Others say the same in other words: docs/rate-limits.md has
the table. Each way of saying it is a reader here; for each figure the first that tells it wins, and figures of two
windows are never put together.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.limits import LimitRules, RateLimits
from mcp_gateway.upstream import ratelimit_fields as fields
from mcp_gateway.upstream import ratelimit_values as values

RICHPANEL = LimitRules()
MAX_OTHERS = 8
"""Further quotas passed on; an upstream must not be able to fill our answers with them."""

_FORBIDDEN_WAIT_SECONDS = 60
"""What GitHub asks for after a 403 that means "too fast" and names no time."""
_ENDPOINT_PREFIX = "zendesk-ratelimit-"
_RATIOS = ("x-shopify-shop-api-call-limit", "x-gorgias-account-api-call-limit")
_UNKNOWN = Quota(fields.UNNAMED)

_LIMIT, _REMAINING, _RETRY_AFTER = _DOCUMENTED = ("x-ratelimit-limit", "x-ratelimit-remaining", "retry-after")
_PLAIN = frozenset({"content-type", "date", *_DOCUMENTED})
_LONGEST_PLAIN = len(_DOCUMENTED) * values.MAX_DIGITS


class _Names(NamedTuple):
    """The names under which one convention tells a window."""

    limit: str
    remaining: str
    reset: str
    is_standard: bool = False
    """True where the unit of the reset is laid down."""

    def are_in(self, headers: Mapping[str, str]) -> bool:
        return self.limit in headers or self.remaining in headers or self.reset in headers


_FAMILIES = (
    _Names("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", is_standard=True),
    _Names("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    _Names("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),
    _Names("x-rate-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),  # Zendesk
)


class _Answer(NamedTuple):
    """What there is to read from."""

    headers: Mapping[str, str]
    rules: LimitRules
    now: datetime | None

    def made(self) -> datetime | None:
        """When, by its own clock, since the two clocks need not agree; by ours where it does not say."""
        return values.moment(self.headers.get("date", "")) or self.now

    def wait(self) -> int | None:
        told = self.headers.get(_RETRY_AFTER)
        return None if told is None else values.wait(told, self.made)


def parse(
    headers: Mapping[str, str], status: int, rules: LimitRules = RICHPANEL, *, now: datetime | None = None
) -> RateLimits | None:
    """What the answer tells of the quota, or None if nothing.

    A 429 always gives a wait: Retry-After, else the told reset, else the documented window, marked `estimated`. So
    does a 403 with Retry-After or without anything left, which is a rate limit by another name; a 5xx gives one if it
    told one. On other answers a reset nobody told stays None.

    Args:
        headers: names in any case, repeated ones joined by `, `.
        status: of the answer.
        rules: what the upstream's documents say.
        now: stands in for a missing `Date` where a value is a moment; without either such a value is dropped.
    """
    if headers.keys() <= _PLAIN:
        limit, remaining, wait = headers.get(_LIMIT, ""), headers.get(_REMAINING, ""), headers.get(_RETRY_AFTER, "")
        if len(limit) + len(remaining) + len(wait) <= _LONGEST_PLAIN and (wait.isdigit() or not wait):
            return _plain((limit, remaining, wait), status, rules)
    return _parse(_Answer({name.lower(): value for name, value in headers.items()}, rules, now), status)


@lru_cache(maxsize=1024)
def _plain(documented: tuple[str, str, str], status: int, rules: LimitRules) -> RateLimits | None:
    """Richpanel's own headers without a moment: nothing else counts, and with a quota of 50 most were read before."""
    return _parse(_Answer(dict(zip(_DOCUMENTED, documented, strict=True)), rules, None), status)


def _parse(answer: _Answer, status: int) -> RateLimits | None:
    quota, others = _quotas(answer)
    wait = answer.wait()
    if _is_limited(status, wait, (quota, *others)):
        return _limited(status, quota, others, wait, answer.rules)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = None
    if wait is None and quota is _UNKNOWN and not others:
        return None
    return RateLimits(
        limit=quota.limit,
        remaining=quota.remaining,
        reset_seconds=quota.reset_seconds,
        retry_after_seconds=wait,
        window_seconds=_window_seconds(quota, answer.rules),
        others=others,
    )


def _is_limited(status: int, wait: int | None, quotas: tuple[Quota, ...]) -> bool:
    if status == HTTPStatus.FORBIDDEN:
        return wait is not None or any(quota.remaining == 0 for quota in quotas)
    return status == HTTPStatus.TOO_MANY_REQUESTS


def _limited(status: int, quota: Quota, others: tuple[Quota, ...], told: int | None, rules: LimitRules) -> RateLimits:
    wait = _first(told, _reset_of_what_is_used_up(quota, others))
    assumed = _FORBIDDEN_WAIT_SECONDS if status == HTTPStatus.FORBIDDEN else rules.window_seconds
    seconds = assumed if wait is None else wait
    return RateLimits(
        limit=quota.limit,
        remaining=_first(quota.remaining, 0),
        reset_seconds=seconds,
        retry_after_seconds=seconds,
        window_seconds=_window_seconds(quota, rules),
        estimated=wait is None,
        others=others,
    )


def _reset_of_what_is_used_up(quota: Quota, others: tuple[Quota, ...]) -> int | None:
    resets = [one.reset_seconds for one in (quota, *others) if one.remaining == 0 and one.reset_seconds is not None]
    return max(resets, default=quota.reset_seconds)


def _window_seconds(quota: Quota, rules: LimitRules) -> int | None:
    """The told window, else the documented one unless the told reset lies beyond it: then it is another window."""
    if quota.window_seconds is not None:
        return quota.window_seconds
    return rules.window_seconds if (quota.reset_seconds or 0) <= rules.window_seconds else None


def _quotas(answer: _Answer) -> tuple[Quota, tuple[Quota, ...]]:
    """The quota nearest to exhaustion, and the others that were told beside it."""
    policies = _policies(answer.headers)
    quota, others = _UNKNOWN, list[Quota]()
    for windows in _readings(answer, policies):
        nearest = _nearest(windows)
        joined = _joined(quota, nearest, several=len(windows) > 1 or bool(others))
        if joined is not quota or nearest is _UNKNOWN:
            others += (window for window in windows if window is not nearest)
        quota = joined
    if policies:
        told = {quota.name, *(other.name for other in others)} - {fields.UNNAMED}
        quota, rest = _with_window(quota, [policy for policy in policies if policy.name not in told])
        others += rest
    others += _endpoint_quotas(answer)
    return quota, tuple(others[:MAX_OTHERS])


def _readings(answer: _Answer, policies: list[Quota]) -> Iterator[list[Quota]]:
    """What each convention tells, as the windows it tells of side by side; the most trusted convention first."""
    headers = answer.headers
    if "ratelimit" in headers:
        yield _structured(headers["ratelimit"], policies)
    for names in _FAMILIES:
        if names.are_in(headers):
            yield _family(names, answer)
    for name in _RATIOS:
        if name in headers:
            yield _leaking_bucket(headers[name], answer.rules)


def _policies(headers: Mapping[str, str]) -> list[Quota]:
    told = fields.policies(headers["ratelimit-policy"]) if "ratelimit-policy" in headers else []
    limit = headers.get("ratelimit-limit", "")
    if ";" in limit:
        told += (policy for policy in fields.policies(limit) if policy.window_seconds)
    return list(dict.fromkeys(told))


def _structured(value: str, policies: list[Quota]) -> list[Quota]:
    """`RateLimit` in either form, each named item with the limit of its policy."""
    by_name = {policy.name: policy for policy in policies if policy.name != fields.UNNAMED}
    standings = [_with_policy(one, by_name.get(one.name)) for one in fields.standings(value)]
    return standings or fields.dictionary(value)


def _with_policy(standing: Quota, policy: Quota | None) -> Quota:
    if policy is None:
        return standing
    return policy._replace(remaining=standing.remaining, reset_seconds=standing.reset_seconds)


def _family(names: _Names, answer: _Answer) -> list[Quota]:
    headers = answer.headers
    limit = headers.get(names.limit, "")
    # `10, 10;w=1, 50;w=60`: the first is the limit, the rest are policies.
    limits = values.leading_count(limit) if ";" in limit else values.counts(limit)
    remainings = values.counts(headers.get(names.remaining, ""))
    if names.reset not in headers:
        return _side_by_side(limits, remainings, [])
    in_ms = answer.rules.reset_unit == "milliseconds" and not names.is_standard
    resets = values.resets(headers[names.reset], answer.made, units_per_second=1000 if in_ms else 1)
    return _side_by_side(limits, remainings, resets)


def _side_by_side(limits: list[int], remainings: list[int], resets: list[int]) -> list[Quota]:
    """Lists side by side are windows side by side; one of another length belongs to no window we can tell."""
    columns = [limits, remainings, resets]
    if all(len(set(column)) <= 1 for column in columns):
        columns = [column[:1] for column in columns]  # a header that is only repeated tells of no second window
    length = max(map(len, columns))
    rows = zip(*(column if len(column) == length else [None] * length for column in columns), strict=True)
    return [
        Quota(fields.UNNAMED if length == 1 else f"window-{place}", limit, remaining, reset)
        for place, (limit, remaining, reset) in enumerate(rows, start=1)
    ]


def _leaking_bucket(value: str, rules: LimitRules) -> list[Quota]:
    """`32/40`: 32 of a bucket of 40 are used, and it empties at a rate that only its documents tell."""
    told = values.ratio(value)
    if told is None:
        return []
    used, size = told
    reset = values.capped(used / rules.leak_per_second) if rules.leak_per_second else None
    return [Quota(fields.UNNAMED, size, max(size - used, 0), reset)]


def _endpoint_quotas(answer: _Answer) -> Iterator[Quota]:
    """`Zendesk-RateLimit-Tickets-Index: total=100; remaining=99; resets=41`: of one route, beside the account's."""
    for header, value in answer.headers.items():
        name = header.removeprefix(_ENDPOINT_PREFIX)
        if header.startswith(_ENDPOINT_PREFIX) and fields.is_name(name):
            told = values.named_counts(value)
            reset = values.capped(told["resets"]) if "resets" in told else None
            quota = Quota(name, told.get("total"), told.get("remaining"), reset)
            if quota[1:] != _UNKNOWN[1:]:
                yield quota


def _nearest(windows: list[Quota]) -> Quota:
    """The window with the fewest requests left, of equals the one that lasts longest; unknown if none tells.

    A quota of bytes or of connections is passed on, but its figures are no requests.
    """
    telling = [one for one in windows if one.unit is None and (one.remaining is not None or len(windows) == 1)]
    return min(telling, key=lambda one: (one.remaining or 0, -(one.reset_seconds or 0)), default=_UNKNOWN)


def _joined(first: Quota, later: Quota, *, several: bool) -> Quota:
    """The gaps of one reading filled from a later one, unless it tells of another window.

    It does where a figure differs, and it may where windows were told side by side and no figure is the same.
    """
    if first is _UNKNOWN:
        return later
    shared = [(mine, its) for mine, its in zip(first[1:3], later[1:3], strict=True) if None not in {mine, its}]
    resets = [one.reset_seconds for one in (first, later) if one.reset_seconds is not None]
    # A second apart is one reset told as a delta and as a moment.
    differ = any(mine != its for mine, its in shared) or (resets and max(resets) - min(resets) > 1)
    if differ or (several and not shared):
        return first
    gaps = {name: figure for name, figure in later._asdict().items() if getattr(first, name) is None}
    gaps = {name: figure for name, figure in gaps.items() if figure is not None}
    return first._replace(**gaps) if gaps else first


def _with_window(quota: Quota, policies: list[Quota]) -> tuple[Quota, list[Quota]]:
    """The quota with the window of the policy that has its limit, and the other policies, named where they were not.

    A policy alone is all that is known of its quota.
    """
    if quota is _UNKNOWN and len(policies) == 1 and policies[0].unit is None:
        return policies[0], []
    own = next((one for one in policies if one.limit == quota.limit and one.unit is None), None)
    if own is not None and quota.window_seconds is None:
        quota = quota._replace(window_seconds=own.window_seconds)
    rest = ((place, one) for place, one in enumerate(policies, start=1) if one is not own)
    return quota, [one if one.name else one._replace(name=f"window-{place}") for place, one in rest]


def _first(*figures: int | None) -> int | None:
    return next((figure for figure in figures if figure is not None), None)
