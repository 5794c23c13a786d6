"""Rate-limit header fields as text: the newest IETF draft, the three fields before it, and Retry-After.

draft-ietf-httpapi-ratelimit-headers-10 (structured lists `RateLimit`, `RateLimit-Policy`), its revision -06 (the three
`RateLimit-*` fields), RFC 9110 §10.2.3 (`Retry-After`), RFC 9651 (structured fields).
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

UPSTREAM = "richpanel"
"""The policy that upstream enforces."""
GATEWAY_TOKEN = "gateway-token"  # noqa: S105 - the name of a policy
"""The policy of the gateway's own for one token."""
OWN_NAMES = frozenset({UPSTREAM, GATEWAY_TOKEN})
"""Policies whose names are ours to give; one that upstream names alike must not pass for them."""

_MAX_INTEGER = 999_999_999_999_999  # RFC 9651 §3.3.1: at most 15 digits
_STRING = re.compile(r"[\x20-\x7e]*")  # RFC 9651 §3.3.3


class Quota(NamedTuple):
    """One policy and where its caller stands; None where unknown. Times are delta seconds."""

    name: str
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: int | None = None
    window_seconds: int | None = None
    unit: str | None = None
    """What is counted, where it is not requests: `qu` of the draft."""


def rate_limit_headers(quotas: Sequence[Quota], retry_after_seconds: int | None) -> list[tuple[str, str]]:
    """Lower-case header pairs for what is known.

    The first quota is the one that binds: it alone feeds the three older fields. Each is an item of the structured
    lists, and of two with one name the earlier. A reset nobody told is left out of `RateLimit`, while the older
    `ratelimit-reset`, which has no notion of unknown, falls back to the window as an upper bound. `Retry-After` is
    never earlier than `t` of the first.

    Raises:
        ValueError: a policy's name or unit is not printable ASCII.
    """
    distinct: dict[str, Quota] = {}
    for quota in quotas:
        distinct.setdefault(quota.name, quota)
    binding = quotas[0] if quotas else Quota("")
    fields = [*_three_fields(binding), *_structured_fields(distinct.values())]
    if retry_after_seconds is not None:
        fields.append(("retry-after", _integer(max(retry_after_seconds, binding.reset_seconds or 0))))
    return fields


def split_headers(headers: Sequence[tuple[str, str]], policy: Quota) -> tuple[tuple[tuple[str, str], ...], str]:
    """Headers made ready for one more quota, whose standing changes with each answer.

    They come without `RateLimit` and with the quota's item behind the policies; beside them what its standing goes
    behind in `RateLimit`. The three older fields stay what they were.
    """
    known = dict(headers)
    standings, policies = known.pop("ratelimit", ""), known.pop("ratelimit-policy", "")
    known["ratelimit-policy"] = f"{policies}, {_policy(policy)}" if policies else _policy(policy)
    return tuple(known.items()), f"{standings}, " if standings else ""


def standing_item(quota: Quota) -> str:
    """Where a quota of our own stands, as an item of `RateLimit`: its name and figures need no check."""
    name, _, remaining, reset, _, _ = quota
    return f'"{name}";r={remaining}' if reset is None else f'"{name}";r={remaining};t={reset}'


def _three_fields(quota: Quota) -> list[tuple[str, str]]:
    _, limit, remaining, reset, window, _ = quota
    if reset is None and (limit is not None or remaining is not None):
        reset = window
    figures = (("ratelimit-limit", limit), ("ratelimit-remaining", remaining), ("ratelimit-reset", reset))
    return [(name, _integer(figure)) for name, figure in figures if figure is not None]


def _structured_fields(quotas: Iterable[Quota]) -> list[tuple[str, str]]:
    """`r` and `q` are what make an item valid, so without them it is left out, and a list without items with it."""
    standings, policies = [], []
    for quota in quotas:
        if quota.remaining is not None:
            standings.append(_standing(quota))
        if quota.limit is not None:
            policies.append(_policy(quota))
    fields = []
    if standings:
        fields.append(("ratelimit", ", ".join(standings)))
    if policies:
        fields.append(("ratelimit-policy", ", ".join(policies)))
    return fields


def _standing(quota: Quota) -> str:
    t = "" if quota.reset_seconds is None else f";t={_integer(quota.reset_seconds)}"
    return f"{_quoted(quota.name)};r={_integer(quota.remaining or 0)}{t}"


def _policy(quota: Quota) -> str:
    unit = f";qu={_quoted(quota.unit)}" if quota.unit else ""
    w = f";w={_integer(quota.window_seconds)}" if quota.window_seconds else ""
    return f"{_quoted(quota.name)};q={_integer(quota.limit or 0)}{unit}{w}"


def _integer(value: int) -> str:
    return str(min(max(value, 0), _MAX_INTEGER))


def _quoted(text: str) -> str:
    if not _STRING.fullmatch(text):
        raise ValueError("a policy's name must be printable ASCII")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
