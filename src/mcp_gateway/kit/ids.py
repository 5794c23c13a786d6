"""Prefixed, sortable, non-guessable identifiers: `ten_01j9…`.

The form after the prefix is that of a ULID (https://github.com/ulid/spec) in lower case: 48 bits of milliseconds and
80 random bits in Crockford's base32, so that sorting by id is sorting by time of creation.
"""

import os
import re
import time
from datetime import UTC, datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RANDOM_BITS = 80
LENGTH = 26

TENANT = "ten_"
API_TOKEN = "tok_"  # noqa: S105 - a public prefix of ids
ACCOUNT = "acc_"
SERVER = "mcp_srv_"
AUDIT = "aud_"
TOOL_CALL = "call_"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
"""Two digits at a time: each call gets an id."""
_FORM = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A fresh identifier with this prefix, of this instant or of now."""
    milliseconds = time.time_ns() // 1_000_000 if at is None else _milliseconds(at)
    return prefix + _digits(milliseconds << RANDOM_BITS | int.from_bytes(os.urandom(RANDOM_BITS // 8)))


def first_id(prefix: str, at: datetime) -> str:
    """The smallest identifier of this instant's millisecond: all that are older sort before it."""
    return prefix + _digits(max(0, _milliseconds(at)) << RANDOM_BITS)


def is_id(text: str, prefix: str) -> bool:
    """Whether this could be an identifier with this prefix; no store is needed to say no."""
    return text.startswith(prefix) and _FORM.fullmatch(text, len(prefix)) is not None


def _milliseconds(at: datetime) -> int:
    # In whole numbers: a float would now and then be a millisecond short.
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _digits(number: int) -> str:
    pairs = [""] * (LENGTH // 2)
    for place in range(LENGTH // 2 - 1, -1, -1):
        pairs[place] = _PAIRS[number & 1023]
        number >>= 10
    return "".join(pairs)
