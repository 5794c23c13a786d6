"""Secrets that are shown once: minted with a checksum, kept as a digest.

Form: a prefix, 43 base62 characters from the CSPRNG (256 bits), 6 characters of base62 CRC32 over what stands before.
The checksum lets secret scanners know a real token, and lets a mistyped one be refused without asking a store.
Stored as plain SHA-256: with 256 random bits there is nothing a pepper would add (docs/adr/0002).
"""

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field
from hashlib import sha256

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY_LENGTH = 43
CHECKSUM_LENGTH = 6
HINT_LENGTH = 4

_SHAPE = re.compile(rf"[0-9A-Za-z]{{{BODY_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A fresh secret; `token` leaves the process once, in the answer of the call that made it."""

    token: str = field(repr=False)
    digest: bytes
    """SHA-256 of the token: what the stores know it by."""
    hint: str
    """The last four characters, to recognise it by."""


_PAIRS = tuple(high + low for high in BASE62 for low in BASE62)


def _checksum(text: str) -> str:
    """CRC32 as 6 base62 digits, written two at a time: every request has one checked."""
    number = zlib.crc32(text.encode("ascii"))
    number, last = divmod(number, 3844)
    first, middle = divmod(number, 3844)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def digest(token: str) -> bytes:
    """SHA-256 of a token, 32 bytes."""
    return sha256(token.encode("ascii")).digest()


def mint(prefix: str) -> MintedToken:
    """A new token with this prefix."""
    body = prefix + "".join(secrets.choice(BASE62) for _ in range(BODY_LENGTH))
    token = body + _checksum(body)
    return MintedToken(token=token, digest=digest(token), hint=token[-HINT_LENGTH:])


def parse(token: str, prefix: str) -> bytes | None:
    """The digest of a well-formed token of this prefix, or None; no store is needed to say no."""
    if not token.startswith(prefix) or not _SHAPE.fullmatch(token, len(prefix)):
        return None
    body, checksum = token[:-CHECKSUM_LENGTH], token[-CHECKSUM_LENGTH:]
    if not hmac.compare_digest(_checksum(body), checksum):
        return None
    return digest(token)


def is_same(left: bytes, right: bytes) -> bool:
    """Constant-time comparison of two digests."""
    return hmac.compare_digest(left, right)
