"""A tenant's key for the admin API."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What an API token may do; a token without a list of scopes has all."""

    READ = "read"
    WRITE = "write"
    TOKENS = "tokens"
    LOGS = "logs"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One API token, without its secret."""

    id: str
    tenant_id: str
    name: str
    token_hint: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    created_at: datetime
