"""Which texts may stand as one segment of a URL path, and how they are written there.

Everything that is not refused is percent-encoded with nothing left safe (RFC 3986 §2.1), so that `a/b` and `?x=1` stay
one segment. What no encoding makes safe is refused: `.` and `..` are dropped by URL parsers even when encoded.
"""

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import quote

MAX_SEGMENT_CHARACTERS = 2000
"""Keeps the longest encoded target below the 64 KiB that HTTP libraries take; RFC 5322 allows 998 for a Message-ID."""


_PLAIN = re.compile(rf"[A-Za-z0-9_~-][A-Za-z0-9._~-]{{0,{MAX_SEGMENT_CHARACTERS - 1}}}")
"""Nearly every id: nothing to refuse but a reserved word, and nothing to encode (unreserved, RFC 3986 §2.3)."""


def segment_problem(value: str, reserved: Collection[str] = ()) -> str | None:
    """Why this text may not be a path segment, as the rest of a sentence; None when it may.

    Only blanks count as empty: no id is made of them, and a peer that trims would see none.
    """
    if _PLAIN.fullmatch(value):
        return _reserved_problem(value, reserved)
    if not value.strip():
        return "must not be empty"
    if value in {".", ".."}:
        return 'must not be "." or ".."'
    if len(value) > MAX_SEGMENT_CHARACTERS:
        return f"must be at most {MAX_SEGMENT_CHARACTERS} characters long, got {len(value)}"
    return _character_problem(value) or _reserved_problem(value, reserved)


def encode_segment(value: str) -> str:
    """The text as one percent-encoded segment."""
    return value if _PLAIN.fullmatch(value) else quote(value, safe="")


def _character_problem(value: str) -> str | None:
    categories = {unicodedata.category(character) for character in value}
    # Cc is C0, DEL and C1; Cs are surrogates without a partner, which UTF-8 cannot carry.
    if "Cc" in categories:
        return "must not contain control characters"
    if "Cs" in categories:
        return "must be valid Unicode, without lone surrogates"
    return None


def _reserved_problem(value: str, reserved: Collection[str]) -> str | None:
    if reserved and value.casefold() in reserved:
        words = ", ".join(reserved)
        return f"must be an id; the words {words} name other routes of the API"
    return None
