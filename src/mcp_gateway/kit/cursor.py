"""Opaque keyset cursors for lists: the last row's sort key, base64url, bound to the list it came from."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from hashlib import sha256

MAC_BYTES = 12
ENCODED_LIMIT = 512


class CursorError(Exception):
    """Not a cursor of this list."""


class CursorSigner:
    """Encodes with the first key and checks with any; an altered or foreign cursor is refused."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        """`keys` are secrets the replicas share; they are used only through HMAC with a label of their own."""
        self._keys = [hmac.digest(key, b"list-cursor", sha256) for key in keys]

    def encode(self, scope: str, position: str) -> str:
        """`scope` names the list (route, tenant, filter); `position` is the last row's key."""
        return _encoded(self._keys[0], scope, position)

    def decode(self, scope: str, cursor: str) -> str:
        """The position.

        Raises:
            CursorError: altered, or from another list.
        """
        if len(cursor) > ENCODED_LIMIT:
            raise CursorError
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            position = raw[MAC_BYTES:].decode()
        except (binascii.Error, ValueError) as exc:
            raise CursorError from exc
        # The whole text and not the decoded bytes: base64 leaves bits over that a caller could alter unnoticed.
        same = [hmac.compare_digest(_encoded(key, scope, position), cursor) for key in self._keys]
        if not any(same):
            raise CursorError
        return position


def _encoded(key: bytes, scope: str, position: str) -> str:
    mac = hmac.digest(key, f"{scope}\n{position}".encode(), sha256)[:MAC_BYTES]
    return base64.urlsafe_b64encode(mac + position.encode()).decode().rstrip("=")
