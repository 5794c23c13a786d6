"""Opaque cursors of list tools: page arithmetic inside, bound to the tool and its arguments.

The text is base64url (RFC 4648 §5, no padding) of a small JSON object.
`CursorCodec.mac` is the seam for a keyed function per server; the default only tells damage from a good cursor.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import orjson

_VERSION = 4
_MAX_TEXT = 1024
_MAX_PAGE = 1_000_000
_MAC_BYTES = 12
_SCOPE_BYTES = 9
_MARK_BYTES = 9
_TEXTS = ("seen", "at", "of", "mac")
_MEMBERS = frozenset({"v", "page", "limit", "skip", "total", *_TEXTS})


class CursorError(ValueError):
    """The cursor cannot be used; the text says why and what to do, for the caller."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list stands: the page to read (from 1) and the page size it was started with."""

    page: int
    limit: int
    skip: int = 0
    """Records of the page that were shown already; of a single record, where the older part of its inner list ends."""
    seen: str = ""
    """Mark of the page before this one: the same page again is no further page. Empty at the first."""
    at: str = ""
    """Mark of the record shown last before `skip`, of a single record that of the element at `skip`: it is found again
    where others came or went meanwhile. Empty where there is none, or nothing to tell it by."""
    total: int = 0
    """How many records there were, as far as was told: where there are fewer now, others moved up. 0 if unknown."""


def plain_mac(message: bytes) -> bytes:
    """A checksum without a key: finds damage, does not stop a forger."""
    return hashlib.sha256(message).digest()


def scope_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """Short hash of the tool and of the arguments that must stay the same from page to page."""
    canonical = orjson.dumps([tool, dict(arguments)], option=orjson.OPT_SORT_KEYS)
    return _b64(hashlib.sha256(canonical).digest()[:_SCOPE_BYTES])


def mark_of(value: Any) -> str:
    """Short hash of a JSON value that is to be known again later."""
    return _b64(hashlib.sha256(orjson.dumps(value)).digest()[:_MARK_BYTES])


@dataclass(frozen=True, slots=True)
class CursorCodec:
    """Writes and reads cursors; `mac` authenticates a message (HMAC bound to a server, once there is a key)."""

    mac: Callable[[bytes], bytes] = plain_mac

    def encode(self, position: Position, scope: str) -> str:
        """The cursor for one position of one list."""
        members = {"v": _VERSION, **asdict(position), "of": scope}
        return _b64(orjson.dumps({**members, "mac": self._seal(position, scope)}))

    def decode(self, text: str, scope: str) -> Position:
        """The position inside; CursorError when the cursor is damaged, or made for another list."""
        members = _members(text)
        position = Position(*(members[field.name] for field in fields(Position)))
        if not hmac.compare_digest(members["mac"], self._seal(position, members["of"])):
            raise _damaged()
        if members["of"] != scope:
            raise CursorError(
                "belongs to a call of another tool or with other arguments; repeat the arguments of the call that gave "
                "it, or leave next_cursor out to start at the first page"
            )
        return position

    def _seal(self, position: Position, scope: str) -> str:
        message = "|".join(map(str, (_VERSION, *astuple(position), scope)))
        return _b64(self.mac(message.encode())[:_MAC_BYTES])


def _members(text: str) -> dict[str, Any]:
    """The JSON object in the cursor, its members present and of the right type."""
    members = _parse(text)
    texts = all(isinstance(members[name], str) and members[name].isascii() for name in _TEXTS)
    least = {"page": 1, "limit": 1, "skip": 0, "total": 0}
    numbers = all(type(members[name]) is int and low <= members[name] <= _MAX_PAGE for name, low in least.items())
    if members["v"] != _VERSION or not texts or not numbers:
        raise _damaged()
    return members


def _parse(text: str) -> dict[str, Any]:
    if not 0 < len(text) <= _MAX_TEXT:
        raise _damaged()
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        members = orjson.loads(raw)
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as exc:
        raise _damaged() from exc
    # The decoder skips foreign characters and spare bits: only the one spelling we would write is ours.
    if not isinstance(members, dict) or members.keys() != _MEMBERS or _b64(raw) != text:
        raise _damaged()
    return members


def _damaged() -> CursorError:
    return CursorError(
        "is not a cursor this tool gave out, or was altered; pass next_cursor of the previous page back exactly as it "
        "came, or leave it out to start at the first page"
    )


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
