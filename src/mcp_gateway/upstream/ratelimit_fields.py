"""The structured rate-limit fields of the IETF drafts -> quotas; pure, and a malformed field is no field.

Read with http-sf, by an author of RFC 9651: its grammar (escapes, byte sequences, dates, inner lists) is more than a
field that Richpanel does not send is worth in code of our own. On the usual path it costs nothing, since only an answer
that has such a field comes here. Its only error on hostile text is the one caught below, as the property tests check.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import http_sf

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.upstream.ratelimit_values import MAX_DIGITS, capped

UNNAMED = ""
"""Name of a quota from a draft in which they had none."""

_LONGEST_FIELD = 1024
_LONGEST_NAME = 64
_REQUESTS = "requests"


class _MalformedError(ValueError):
    """A field that its draft says to ignore."""


class _Item(NamedTuple):
    value: Any
    parameters: Mapping[str, Any]


def standings(value: str) -> list[Quota]:
    """`RateLimit` from revision -08 on: `"burst";r=5;t=3, "daily";r=900`. The limits are told elsewhere."""
    return _ignored_if_malformed(_standings, value)


def policies(value: str) -> list[Quota]:
    """`RateLimit-Policy`: `"burst";q=10;w=1` from revision -08 on, `10;w=1` without a name before.

    Also the policies behind the limit in `RateLimit-Limit: 10, 10;w=1` of revisions up to -03.
    """
    return _ignored_if_malformed(_policies, value)


def dictionary(value: str) -> list[Quota]:
    """`RateLimit` of revision -07, `limit=20, remaining=19, reset=1`: one quota or none."""
    return _ignored_if_malformed(_dictionary, value)


def is_name(text: str) -> bool:
    """Whether a policy may be called so."""
    return 0 < len(text) <= _LONGEST_NAME and text.isascii() and text.isprintable()


def _ignored_if_malformed(read: Callable[[str], list[Quota]], value: str) -> list[Quota]:
    """Of a structured field either all is well-formed or nothing counts (RFC 9651 §4.2, and the drafts themselves)."""
    try:
        return read(value) if len(value) <= _LONGEST_FIELD else []
    except (_MalformedError, http_sf.StructuredFieldError, UnicodeEncodeError):
        return []


def _standings(value: str) -> list[Quota]:
    return [
        Quota(_string(item.value), None, _whole(item.parameters.get("r")), _seconds(item.parameters.get("t")))
        for item in _items(value)
    ]


def _policies(value: str) -> list[Quota]:
    return [_named_policy(item) if isinstance(item.value, str) else _unnamed_policy(item) for item in _items(value)]


def _named_policy(item: _Item) -> Quota:
    unit = _string(item.parameters.get("qu", _REQUESTS))
    return Quota(
        _string(item.value),
        limit=_whole(item.parameters.get("q")),
        window_seconds=_window(item),
        unit=None if unit == _REQUESTS else unit,
    )


def _unnamed_policy(item: _Item) -> Quota:
    return Quota(UNNAMED, limit=_whole(item.value), window_seconds=_window(item))


def _dictionary(value: str) -> list[Quota]:
    parsed: Any = http_sf.parse(value.encode("ascii"), tltype="dictionary")
    limit, remaining = (_whole(parsed[name][0]) if name in parsed else None for name in ("limit", "remaining"))
    reset = _seconds(parsed["reset"][0]) if "reset" in parsed else None
    return [] if limit is remaining is reset is None else [Quota(UNNAMED, limit, remaining, reset)]


def _items(value: str) -> list[_Item]:
    parsed: Any = http_sf.parse(value.encode("ascii"), tltype="list")
    return [_Item(*item) for item in parsed]


def _string(value: object) -> str:
    """A String is quoted; `default;r=1` is a Token, which no revision allows."""
    if type(value) is not str or not is_name(value):
        raise _MalformedError
    return value


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 10**MAX_DIGITS:
        raise _MalformedError
    return value


def _seconds(value: object) -> int | None:
    """A reset is optional, so that one out of all bounds is dropped by itself."""
    return capped(value) if type(value) is int and value >= 0 else None


def _window(item: _Item) -> int | None:
    value = item.parameters.get("w")
    return value if type(value) is int and 0 < value < 10**MAX_DIGITS else None
