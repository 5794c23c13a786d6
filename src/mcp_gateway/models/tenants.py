"""A customer of the gateway."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer; everything else belongs to one."""

    id: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
