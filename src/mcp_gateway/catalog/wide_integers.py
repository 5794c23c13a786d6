"""JSON whose integers need more than 64 bits, without losing a digit.

`orjson` reads such a number as a float, and an id of 20 digits would come out as another one. It is made a text
instead: nothing that reads JSON into doubles could keep it as a number either (RFC 8259 §6).
"""

import re
from typing import Any

import orjson

_LEAST_DIGITS = 19
_MOST_DIGITS = 20
_LEAST, _MOST = -(2**63), 2**64 - 1
_ZEROS = bytes(ord("0") if chr(code) in "0123456789" else ord(" ") for code in range(256))
"""Every digit as 0, and everything else as a blank."""
_RUN = b"0" * _LEAST_DIGITS
_UP_TO_WIDE = re.compile(
    rb"""
    ((?:[^"0-9-]++ |"(?:[^"\\]++|\\.)*+" |-?[0-9]++[.eE][0-9.eE+-]*+ |-?[0-9]{1,18}(?![0-9]) |-(?![0-9]))*+)
    (?:(-?[0-9]{19,}+)|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
"""Of valid JSON: what stands before the next integer of so many digits, and that integer."""


def loads(text: bytes) -> Any:
    """The value; integers outside of -2^63 to 2^64 - 1 are texts.

    Raises:
        orjson.JSONDecodeError: it is not JSON.
    """
    value = orjson.loads(text)
    # A search at the speed of memory; nearly always there is no such run of digits, not even in a text.
    if _RUN not in text.translate(_ZEROS):
        return value
    quoted, _ = _UP_TO_WIDE.subn(_quoted, text)
    return value if quoted == text else orjson.loads(quoted)


def _quoted(found: re.Match[bytes]) -> bytes:
    before, number = found[1], found[2]
    if number is None or _fits(number):
        return found[0]
    return b'%b"%b"' % (before, number)


def _fits(number: bytes) -> bool:
    return len(number.lstrip(b"-")) <= _MOST_DIGITS and _LEAST <= int(number) <= _MOST
