"""What the one who revokes is told: since when, who has confirmed, and by when it holds everywhere at the latest."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """Processes of the gateway at the moment of a revocation."""

    known: int
    """Those that were heard of lately."""
    confirmed: int
    """Those that have said that they hold no copy any more."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof of a revocation."""

    revoked_at: datetime
    """From then on no look-up of Postgres finds it."""
    replicas: ReplicaCount | None
    """None: there was no asking them."""
    in_force_everywhere_by: datetime
    """When all had confirmed; else the end of the longest life a copy can have."""
