"""A Richpanel account whose key a tenant has stored."""

from dataclasses import dataclass
from datetime import datetime

API_KEY_FIELD = "api_key"


@dataclass(frozen=True, slots=True)
class Account:
    """One integrated account, without its key."""

    id: str
    tenant_id: str
    integration: str
    name: str
    credentials_hint: str
    """The key's last four characters."""
    version: int
    created_at: datetime
    updated_at: datetime


def key_context(tenant_id: str, account_id: str) -> tuple[str, ...]:
    """What an account's Richpanel key is bound to when sealed; the key id is added by the sealer."""
    return (tenant_id, account_id, API_KEY_FIELD)
