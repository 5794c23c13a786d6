"""Secrets at rest and on the way: AES-256-GCM with the identity of their place as associated data.

A sealed value opens only with the context it was sealed for, so one copied to another row fails closed
(NIST SP 800-38D; https://cryptography.io/en/latest/hazmat/primitives/aead/).
Layout: 1 byte length of the key id, the key id in ASCII, 12 bytes nonce, ciphertext with its 16-byte tag.
"""

import os
import re
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
"""What key ids look like."""


class SealError(Exception):
    """The value cannot be opened: wrong context, unknown key, or altered. Says which key id, never more."""


class Sealer:
    """Seals with the first key and opens with any of them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` maps key ids to 32 bytes each; the first one seals."""
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.key_id = next(iter(keys))
        """Of the key that seals."""

    def seal(self, plaintext: str, context: tuple[str, ...]) -> bytes:
        """Seal for one place; `context` is e.g. (tenant, account, field)."""
        return self.seal_bytes(plaintext.encode(), context)

    def seal_bytes(self, plaintext: bytes, context: tuple[str, ...]) -> bytes:
        """The same for bytes."""
        nonce = os.urandom(NONCE_BYTES)
        key_id = self.key_id
        ciphertext = self._ciphers[key_id].encrypt(nonce, plaintext, _associated(context, key_id))
        return bytes([len(key_id)]) + key_id.encode("ascii") + nonce + ciphertext

    def open(self, sealed: bytes, context: tuple[str, ...]) -> str:
        """The plaintext.

        Raises:
            SealError: sealed for another place, by a key this process does not hold, or altered.
        """
        try:
            return self.open_bytes(sealed, context).decode()
        except UnicodeDecodeError as exc:
            raise SealError("the value is not text") from exc

    def open_bytes(self, sealed: bytes, context: tuple[str, ...]) -> bytes:
        """The same for bytes."""
        key_id = key_id_of(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError(f"no encryption key with id {key_id!r} is configured")
        start = 1 + len(key_id)
        nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, ciphertext, _associated(context, key_id))
        except (InvalidTag, ValueError) as exc:
            raise SealError(f"the value does not open with key {key_id!r} for this row") from exc


def key_id_of(sealed: bytes) -> str:
    """Which key sealed this value; an empty string for anything that is not a sealed value."""
    length = sealed[0] if sealed else 0
    return sealed[1 : 1 + length].decode("ascii", errors="replace")


@lru_cache(maxsize=4096)
def _associated(context: tuple[str, ...], key_id: str) -> bytes:
    # No secret, so it may be kept: it is the same for each call of an account.
    # Length-prefixed, so that ("a", "bc") and ("ab", "c") are different places.
    return b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in (*context, key_id))
