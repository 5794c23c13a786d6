"""What became of a rotation of encryption keys."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RotationReport:
    """Counts of one run."""

    key_id: str
    """The current key, which everything is sealed with from now on."""
    resealed: int
    remaining: int
    """Stored secrets that are still under another key."""
    unopenable: tuple[str, ...]
    """Accounts whose key does not open with any of the keys given; they are among the remaining."""
    chains: int
    """Chains of the audit log that were signed with the current key."""
    unopenable_answers: int = 0
    """Answers kept for an `Idempotency-Key` that do not open either; the last of them is gone in 24 hours."""
