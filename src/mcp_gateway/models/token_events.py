"""What happened to a token, as the stores tell one another."""

from dataclasses import dataclass, field
from enum import StrEnum


class TokenKind(StrEnum):
    """Which table a token's digest is in."""

    SERVER = "server"
    API_TOKEN = "api_token"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A committed change; `outbox_id` names the row that is deleted once every replica could know."""

    outbox_id: int
    kind: TokenKind
    digest: bytes = field(repr=False)
    version: int
    """Records with a lower version are no longer true."""
    dead: bool
    """Revoked, deleted or expired: no record of it is ever true again."""
