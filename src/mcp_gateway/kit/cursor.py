"""Opaque keyset cursors for lists: the last row's sort key, base64url, bound to the list it came from."""

import base64
import binascii
import hmac
from hashlib import sha256

MAC_BYTES = 12
ENCODED_LIMIT = 512


class CursorError(Exception):
    """Not a cursor of this list."""


class CursorSigner:
    """Encodes and checks cursors; an altered or foreign one is refused."""

    def __init__(self, key: bytes) -> None:
        """`key` is any secret the replicas share; it is used only through HMAC with a label of its own."""
        self._key = hmac.digest(key, b"list-cursor", sha256)

    def encode(self, scope: str, position: str) -> str:
        """`scope` names the list (route, tenant, filter); `position` is the last row's key."""
        return base64.urlsafe_b64encode(self._mac(scope, position) + position.encode()).decode().rstrip("=")

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
        if not hmac.compare_digest(self.encode(scope, position), cursor):
            raise CursorError
        return position

    def _mac(self, scope: str, position: str) -> bytes:
        return hmac.digest(self._key, f"{scope}\n{position}".encode(), sha256)[:MAC_BYTES]
