"""Whether a write took effect: what was asked for against the object as it reads now.

A success proves nothing where upstream ignores what it does not know, so each argument is told as true, false or
`unknown`, and unknown wherever the object would look the same without the write.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from mcp_gateway.catalog.description import VerifyDescription
from mcp_gateway.catalog.readable import looks_like_html, readable
from mcp_gateway.models.upstream import Exchange

UNKNOWN: Literal["unknown"] = "unknown"
MISSING = object()
"""Stands for what is not there, where null could be."""
Verdict = bool | Literal["unknown"]

_ANY = ".*."
"""Stands in a path for any item of an array."""
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
"""A UUID, as Richpanel's tags have."""
_DAY = timedelta(days=1)
_SLACK = timedelta(seconds=1)
"""Times are told in whole seconds at the least."""
_FIRST_MILLISECONDS = 10**11


def applied(
    record: Any, described: VerifyDescription, arguments: Mapping[str, Any], since: datetime
) -> dict[str, Verdict]:
    """A verdict for each argument that was given; `record` is None where the object could not be read.

    What was made before `since`, upstream's own time, was not made by this write.
    """
    return {
        name: UNKNOWN if record is None else _verdict(record, name, arguments[name], described, since)
        for name in described.fields
        if name in arguments
    }


def begun(write: Exchange, now: datetime) -> datetime:
    """When upstream got the write: by its own clock where its answer tells it, else `now`, when the call began."""
    response = write.response
    told = None if response is None else _date(response.headers.get("date", ""))
    if response is None or told is None:
        return now - _SLACK
    return told - timedelta(seconds=response.seconds) - _SLACK


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path of member names and indices; MISSING where there is nothing."""
    for step in path.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def _verdict(record: Any, name: str, wanted: Any, described: VerifyDescription, since: datetime) -> Verdict:
    path = described.fields[name]
    outer, is_any, inner = path.partition(_ANY)
    if is_any:
        items = at(record, outer)
        return _is_among(items if isinstance(items, list) else (), (inner, *described.twins), wanted, described, since)
    found = at(record, path)
    if wanted == described.nothing.get(name, MISSING) and found is not MISSING:
        return found in (None, "", wanted)
    return _is_then(found, wanted) if name in described.times else _is_there(found, wanted)


def _is_then(found: Any, wanted: Any) -> Verdict:
    """Whether both are one time, however written; unknown where they may be, in a zone that neither tells."""
    verdict = _is_there(found, wanted)
    one, other = _time(found), _time(wanted)
    if verdict is not False or found is None:
        return verdict
    if one is None or other is None:
        return str(found) == str(wanted) or UNKNOWN
    return one == other or (UNKNOWN if abs(one - other) < _DAY else False)


def _is_among(
    items: Iterable[Any], members: Iterable[str], wanted: Any, described: VerifyDescription, since: datetime
) -> Verdict:
    """True when an item made since then says it; not finding one proves nothing: upstream may write its own way."""
    plain = _plain(wanted)
    for item in items:
        made = None if described.made is None else _time(at(item, described.made))
        if made is not None and made >= since and any(_plain(at(item, member)) == plain for member in members):
            return True
    return UNKNOWN


def _is_there(found: Any, wanted: Any) -> Verdict:
    if found is MISSING:
        return UNKNOWN
    if not wanted and wanted not in (0, False) and found is None:
        return True
    match wanted, found:
        case dict(), dict():
            return _has_members(found, wanted)
        case list(), list():
            return _has_items(found, wanted)
        case str(), str():
            return found.split() == wanted.split()
    return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)


def _has_members(found: dict[str, Any], wanted: dict[str, Any]) -> Verdict:
    if not wanted:
        # Of an object only what is named changes.
        return UNKNOWN if found else True
    verdicts = [_has_member(found.get(name, MISSING), value) for name, value in wanted.items()]
    if False in verdicts:
        return False
    return UNKNOWN if UNKNOWN in verdicts else True


def _has_member(found: Any, wanted: Any) -> Verdict:
    return False if found is MISSING and wanted not in (None, "", [], {}) else _is_there(found, wanted)


def _has_items(found: list[Any], wanted: list[Any]) -> Verdict:
    """All of them, among others or not: upstream may add to a list or replace it. None at all leaves it empty.

    Unknown where one was named and ids are shown, or the other way round.
    """
    if not wanted:
        return not found
    missing = [item for item in wanted if item not in found and _word(item) not in map(_word, found)]
    if not missing:
        return True
    return UNKNOWN if any(_is_id(one) is not _is_id(other) for one in missing for other in found) else False


def _is_id(item: Any) -> bool:
    return isinstance(item, str) and _ID.fullmatch(item) is not None


def _word(item: Any) -> Any:
    """A name as upstream may normalise it."""
    return "".join(item.casefold().replace(":", "").split()) if isinstance(item, str) else item


def _plain(value: Any) -> Any:
    """A text without its HTML and with single blanks; anything else as it is."""
    if not isinstance(value, str):
        return value
    return " ".join((readable(value).text if looks_like_html(value) else value).split())


def _date(text: str) -> datetime | None:
    """A `Date` header (RFC 9110 §6.6.1)."""
    try:
        return _aware(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None


def _time(value: Any) -> datetime | None:
    """An ISO 8601 text, or seconds or milliseconds since 1970; without a zone it is UTC."""
    try:
        if isinstance(value, str):
            return _aware(datetime.fromisoformat(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value >= _FIRST_MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _aware(told: datetime) -> datetime:
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told
