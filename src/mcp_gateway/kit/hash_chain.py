"""A log whose past cannot be changed unnoticed: each record's digest covers the one before it, and is signed.

The digests are plain SHA-256, so that the links can be followed without any key; the signatures are HMAC-SHA-256
(RFC 2104), so that only who holds a key can write a record that passes. Because a digest covers all that went before,
one signature under a key still known vouches for older records whose keys are gone.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256

START = bytes(32)
"""Stands where the first record's predecessor would."""


class HashChain:
    """Signs with the first key and checks with any."""

    def __init__(self, keys: Mapping[str, bytes], label: bytes) -> None:
        """`keys` maps key ids to secrets; they are used only through HMAC with this label."""
        self._keys = {key_id: hmac.digest(key, label, sha256) for key_id, key in keys.items()}
        self.key_id = next(iter(keys))
        """Of the key that signs."""

    def sign(self, message: bytes) -> bytes:
        """32 bytes, under the current key."""
        return hmac.digest(self._keys[self.key_id], message, sha256)

    def vouches(self, key_id: str, message: bytes, signature: bytes) -> bool | None:
        """Whether the signature is this key's of this message; None when the key is not known here."""
        key = self._keys.get(key_id)
        return None if key is None else hmac.compare_digest(hmac.digest(key, message, sha256), signature)


def link(previous: bytes, record: bytes) -> bytes:
    """The digest of a record that follows another; 32 bytes both."""
    return sha256(previous + record).digest()
