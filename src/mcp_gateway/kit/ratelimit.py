"""Rate-limit header fields as text: the newest IETF draft, the three fields before it, and Retry-After.

draft-ietf-httpapi-ratelimit-headers-10 (structured lists `RateLimit`, `RateLimit-Policy`), its revision -06 (the three
`RateLimit-*` fields), RFC 9110 §10.2.3 (`Retry-After`), RFC 9651 (structured fields).
"""

import re

_MAX_INTEGER = 999_999_999_999_999  # RFC 9651 §3.3.1: at most 15 digits
_STRING = re.compile(r"[\x20-\x7e]*")  # RFC 9651 §3.3.3


def rate_limit_headers(
    *,
    limit: int | None,
    remaining: int | None,
    reset_seconds: int | None,
    retry_after_seconds: int | None,
    window_seconds: int | None,
    policy: str = "richpanel",
) -> list[tuple[str, str]]:
    """Lower-case header pairs for what is known of one policy; all times are delta seconds.

    A reset nobody told is left out of `RateLimit`, while the older `ratelimit-reset`, which has no notion of unknown,
    falls back to the window as an upper bound. `Retry-After` is never earlier than `t`.

    Raises:
        ValueError: the policy's name is not printable ASCII.
    """
    return [
        *_three_fields(limit, remaining, reset_seconds, window_seconds),
        *_structured_fields(_quoted(policy), limit, remaining, reset_seconds, window_seconds),
        *_retry_after(retry_after_seconds, reset_seconds),
    ]


def _three_fields(
    limit: int | None, remaining: int | None, reset_seconds: int | None, window_seconds: int | None
) -> list[tuple[str, str]]:
    quota_known = limit is not None or remaining is not None
    reset = window_seconds if reset_seconds is None and quota_known else reset_seconds
    figures = (("ratelimit-limit", limit), ("ratelimit-remaining", remaining), ("ratelimit-reset", reset))
    return [(name, str(_integer(figure))) for name, figure in figures if figure is not None]


def _structured_fields(
    name: str, limit: int | None, remaining: int | None, reset_seconds: int | None, window_seconds: int | None
) -> list[tuple[str, str]]:
    """`r` and `q` are what make their field valid, so without them the field is left out."""
    fields = []
    if remaining is not None:
        t = "" if reset_seconds is None else f";t={_integer(reset_seconds)}"
        fields.append(("ratelimit", f"{name};r={_integer(remaining)}{t}"))
    if limit is not None:
        w = f";w={_integer(window_seconds)}" if window_seconds else ""
        fields.append(("ratelimit-policy", f"{name};q={_integer(limit)}{w}"))
    return fields


def _retry_after(retry_after_seconds: int | None, reset_seconds: int | None) -> list[tuple[str, str]]:
    if retry_after_seconds is None:
        return []
    return [("retry-after", str(_integer(max(retry_after_seconds, reset_seconds or 0))))]


def _integer(value: int) -> int:
    return min(max(value, 0), _MAX_INTEGER)


def _quoted(name: str) -> str:
    if not _STRING.fullmatch(name):
        raise ValueError("a policy's name must be printable ASCII")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
