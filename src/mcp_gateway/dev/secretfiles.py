"""Secrets that are made up once and kept in the data directory, each in a file that only its owner can read."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in that file; made and written (0600) when there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        value = make()
        file.write(value + "\n")
    return value


def operator_key() -> str:
    """A key of 256 random bits."""
    return secrets.token_hex(32)


def encryption_keys() -> str:
    """One AES-256 key in the form of `GATEWAY_ENCRYPTION_KEYS`."""
    return f"dev1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def richpanel_key() -> str:
    """A key for the simulator; it opens nothing else."""
    return f"rp_{secrets.token_hex(16)}"


def password() -> str:
    """A password for a database role."""
    return secrets.token_urlsafe(24)
