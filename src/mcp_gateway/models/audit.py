"""The audit log: who changed what, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class AuditAction(StrEnum):
    """`subject.action`; the subject is the type of the object."""

    TENANT_CREATE = "tenant.create"
    TENANT_UPDATE = "tenant.update"
    TENANT_DELETE = "tenant.delete"
    API_TOKEN_CREATE = "api_token.create"  # noqa: S105 - the name of an action
    API_TOKEN_DELETE = "api_token.delete"  # noqa: S105
    API_TOKEN_EXPIRE = "api_token.expire"  # noqa: S105
    ACCOUNT_CREATE = "integrated_account.create"
    ACCOUNT_UPDATE = "integrated_account.update"
    ACCOUNT_DELETE = "integrated_account.delete"
    ACCOUNT_KEY_UNSEALABLE = "integrated_account.key_unsealable"
    SERVER_CREATE = "mcp_server.create"
    SERVER_UPDATE = "mcp_server.update"
    SERVER_ROTATE = "mcp_server.rotate"
    SERVER_DELETE = "mcp_server.delete"
    SERVER_EXPIRE = "mcp_server.expire"
    KEYS_ROTATE = "encryption_keys.rotate"

    @property
    def object_type(self) -> str:
        """What it is done to."""
        return self.value.partition(".")[0]


class ActorKind(StrEnum):
    """Who did it."""

    OPERATOR = "operator"
    API_TOKEN = "api_token"  # noqa: S105 - a kind of actor
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it."""

    kind: ActorKind
    id: str | None = None
    """The API token's id, or a fingerprint that tells one operator key from another."""


SYSTEM = Actor(ActorKind.SYSTEM)
"""The gateway itself: expiry, and the owner's commands."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, before it has a place in the log. Holds no secret."""

    tenant_id: str
    actor: Actor
    action: AuditAction
    object_id: str
    before: Mapping[str, Any] | None
    """None for what was made."""
    after: Mapping[str, Any] | None
    """None for what was deleted."""
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the log."""

    id: str
    tenant_id: str
    seq: int
    """1, 2, 3 … within the tenant; a number that is missing is a row that was deleted."""
    created_at: datetime
    actor_kind: str
    actor_id: str | None
    action: str
    object_type: str
    object_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """The first row of a chain that is not as it was written."""

    tenant_id: str
    seq: int
    id: str | None
    """None for a row that is not there."""
    problem: str


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The newest row of a chain; noted elsewhere, it shows later whether the chain was put back."""

    tenant_id: str
    seq: int
    digest: str
    """64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check of the log found."""

    rows: int
    ends: tuple[ChainEnd, ...]
    """Of chains that are whole."""
    broken: tuple[BrokenRow, ...]
    """One per chain that is not."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of the log; None does not restrict."""

    created_after: datetime | None = None
    created_before: datetime | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
