"""What a row of the manifest is."""

from dataclasses import dataclass
from typing import Literal

MODERN = ("2026-07-28",)
SINCE_2025_06 = ("2025-11-25", "2025-06-18")
STREAMABLE = (*SINCE_2025_06, "2025-03-26")
"""Revisions with a handshake whose transport is Streamable HTTP."""
HANDSHAKE = (*STREAMABLE, "2024-11-05")
"""2024-11-05 is spoken over POST, too, by clients in use."""
ALL = (*MODERN, *HANDSHAKE)

MUST: Literal["MUST"] = "MUST"
SHOULD: Literal["SHOULD"] = "SHOULD"
LEVELS = (MUST, SHOULD)
"""Each with its NOT; which of the two, the row's text says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing a test can prove."""

    id: str
    """Short, and never changed: tests name it."""
    level: Literal["MUST", "SHOULD"]
    revisions: tuple[str, ...]
    """Those it holds for."""
    source: str
    """Page and section of the newest revision that says it, or the RFC."""
    text: str
    """One sentence of our own."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """A sentence of the specification without a test, and why."""

    what: str
    source: str
    reason: str
