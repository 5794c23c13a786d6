"""Single values of rate-limit headers -> whole numbers or None; pure, whatever the text.

A number has at most ten digits and a wait is at most a day: what exceeds that is a mistake or an attack.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_SECONDS = 86_400
"""A wait longer than a day is a mistake or an attack, and is dropped."""
MAX_DIGITS = 10

Since = Callable[[], datetime | None]
"""The moment an answer was made; asked only where a value is a moment too, since reading a date is slow."""

_EPOCH_FROM = 10**9
"""From here on a number is no delta: as seconds it would be 31 years, as a moment it is 2001."""
_EPOCH_MS_DIGITS = 13
_LONGEST_VALUE = 256
_DECIMAL = re.compile(r"(-?)(\d{1,10})(\.\d{1,9})?", re.ASCII)
_LEADING_COUNT = re.compile(r"(\d{1,10})\s*(?:[,;].*)?", re.ASCII | re.DOTALL)
_RATIO = re.compile(r"(\d{1,10})\s*/\s*(\d{1,10})", re.ASCII)
_NAMED_COUNT = re.compile(r"(?:^|[;,\s])(\w{1,32})\s*=\s*(\d{1,10})\s*(?=$|[;,])", re.ASCII)
_JS_DATE = re.compile(r"(?:\w{3} )?(\w{3}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d) (?:GMT|UTC)([+-]\d{4})?(?: \(.*\))?")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d.*", re.ASCII)


def count(value: str) -> int | None:
    """`50` -> 50; anything but up to ten digits -> None."""
    value = value.strip()
    return int(value) if len(value) <= MAX_DIGITS and value.isascii() and value.isdigit() else None


def counts(value: str) -> list[int]:
    """`7, 8` -> [7, 8]; empty unless every member is a count."""
    return _all_told([count(member) for member in _short(value).split(",")])


def leading_count(value: str) -> list[int]:
    """`10, 10;w=1, 50;w=60` -> [10]; empty where no count leads."""
    found = _LEADING_COUNT.fullmatch(_short(value))
    return [int(found[1])] if found else []


def ratio(value: str) -> tuple[int, int] | None:
    """`32/40` -> (32, 40)."""
    found = _RATIO.fullmatch(_short(value))
    return (int(found[1]), int(found[2])) if found else None


def named_counts(value: str) -> dict[str, int]:
    """`total=100; remaining=99; resets=41` -> those three; what does not look like that is left out."""
    return {name: int(number) for name, number in _NAMED_COUNT.findall(_short(value))}


def capped(seconds: float) -> int | None:
    """Whole seconds, rounded up, a past moment as 0; None when over a day."""
    return None if seconds > MAX_SECONDS else max(math.ceil(seconds), 0)


def wait(value: str, since: Since) -> int | None:
    """Seconds of a `Retry-After`, which is a number or a date (RFC 9110 §10.2.3); negative is 0, junk is None.

    Of several joined into one, as when a proxy adds its own, the longest.
    """
    value = _short(value)
    numbers = [_DECIMAL.fullmatch(member.strip()) for member in value.split(",")]
    waits = [0.0 if found[1] else float(found[0]) for found in numbers if found]
    return capped(max(waits)) if len(waits) == len(numbers) else _until(value, since)


def reset(value: str, since: Since, *, units_per_second: int = 1) -> int | None:
    """Seconds until a reset told as a delta (`units_per_second` to one second), an epoch in s or ms, or a date."""
    value = _short(value)
    if not (value.isascii() and value.isdigit()):
        return _until(value, since)
    if len(value) == _EPOCH_MS_DIGITS:
        return _from_epoch(int(value) / 1000, since)
    number = count(value)
    if number is None:
        return None
    return _from_epoch(number, since) if number >= _EPOCH_FROM else capped(number / units_per_second)


def resets(value: str, since: Since, *, units_per_second: int = 1) -> list[int]:
    """The same of a list; a single date, whose comma parts nothing, is a list of one."""
    value = _short(value)
    one = reset(value, since, units_per_second=units_per_second)
    if one is not None:
        return [one]
    return _all_told([reset(member, since, units_per_second=units_per_second) for member in value.split(",")])


def moment(value: str) -> datetime | None:
    """An HTTP-date, ISO 8601, or what JavaScript prints for a date; without a zone it is UTC."""
    value = _short(value)
    from_script = _JS_DATE.fullmatch(value)
    if from_script:
        month, day, year, time, zone = from_script.groups()
        value = f"{day} {month} {year} {time} {zone or '+0000'}"
    read = datetime.fromisoformat if _ISO_DATE.fullmatch(value) else parsedate_to_datetime
    try:
        at = read(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _short(value: str) -> str:
    """The trimmed value, or nothing where it is too long: a part of it could say something else."""
    value = value.strip()
    return value if len(value) <= _LONGEST_VALUE else ""


def _all_told(figures: list[int | None]) -> list[int]:
    told = [figure for figure in figures if figure is not None]
    return told if len(told) == len(figures) else []


def _until(value: str, since: Since) -> int | None:
    until = moment(value)
    start = since() if until else None
    return capped((until - start).total_seconds()) if until and start else None


def _from_epoch(seconds: float, since: Since) -> int | None:
    start = since()
    return capped(seconds - start.timestamp()) if start else None
