"""Prefixed, sortable, non-guessable identifiers: `ten_01j9…`.

The form after the prefix is that of a ULID (https://github.com/ulid/spec) in lower case: 48 bits of milliseconds and
80 random bits in Crockford's base32, so that sorting by id is sorting by time of creation.
"""

import os
import re
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RANDOM_DIGITS = 16
LENGTH = 26

TENANT = "ten_"
API_TOKEN = "tok_"  # noqa: S105 - a public prefix of ids
ACCOUNT = "acc_"
SERVER = "mcp_srv_"
AUDIT = "aud_"
TOOL_CALL = "call_"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_OF_BYTES = bytes([ord(ALPHABET[byte & 31]) for byte in range(256)])
_AT_ONCE = 64
_unused: deque[bytes] = deque()
# No two processes may use the same.
os.register_at_fork(after_in_child=_unused.clear)
_FORM = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A fresh identifier with this prefix, of this instant or of now."""
    milliseconds = time.time_ns() // 1_000_000 if at is None else _milliseconds(at)
    # A byte for each digit, of which five bits count: translating them costs a tenth of taking a number apart.
    return prefix + _time_digits(milliseconds) + _random_bytes().translate(_DIGITS_OF_BYTES).decode("ascii")


def first_id(prefix: str, at: datetime) -> str:
    """The smallest identifier of this instant's millisecond: all that are older sort before it."""
    return prefix + _time_digits(max(0, _milliseconds(at))) + ALPHABET[0] * RANDOM_DIGITS


def is_id(text: str, prefix: str) -> bool:
    """Whether this could be an identifier with this prefix; no store is needed to say no."""
    return text.startswith(prefix) and _FORM.fullmatch(text, len(prefix)) is not None


def _milliseconds(at: datetime) -> int:
    # In whole numbers: a float would now and then be a millisecond short.
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _random_bytes() -> bytes:
    """Of the system's generator, for one id; asking it for each would cost more than all the rest."""
    while True:
        try:
            return _unused.popleft()
        except IndexError:
            many = os.urandom(RANDOM_DIGITS * _AT_ONCE)
            _unused.extend(many[start : start + RANDOM_DIGITS] for start in range(0, len(many), RANDOM_DIGITS))


@lru_cache(maxsize=16)
def _time_digits(milliseconds: int) -> str:
    """The same for all ids of a millisecond."""
    places = range(LENGTH - RANDOM_DIGITS - 1, -1, -1)
    return "".join([ALPHABET[milliseconds >> 5 * place & 31] for place in places])
