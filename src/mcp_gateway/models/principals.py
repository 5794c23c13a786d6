"""Who is calling, once a credential has been checked."""

from dataclasses import dataclass, field
from datetime import datetime

from mcp_gateway.models.api_tokens import ALL_SCOPES, Scope
from mcp_gateway.models.audit import Actor, ActorKind
from mcp_gateway.models.servers import ServerConfig


@dataclass(frozen=True, slots=True)
class AdminPrincipal:
    """A caller of the admin API. The tenant comes from the credential, never from a header or body."""

    tenant_id: str | None
    """None: the operator, who acts on all tenants."""
    token_id: str | None = None
    scopes: frozenset[Scope] = ALL_SCOPES
    key_fingerprint: str | None = None
    """Of the operator's key: tells two keys apart and tells nothing about either."""
    token_digest: bytes | None = field(default=None, repr=False)
    """Of the API token; None for the operator."""
    expires_at: datetime | None = None
    """When the API token ends; what it makes must not outlive it."""

    @property
    def is_operator(self) -> bool:
        """True for the operator's key."""
        return self.tenant_id is None

    @property
    def actor(self) -> Actor:
        """As the audit log names this caller."""
        if self.is_operator:
            return Actor(ActorKind.OPERATOR, self.key_fingerprint)
        return Actor(ActorKind.API_TOKEN, self.token_id)


@dataclass(frozen=True, slots=True)
class ServerPrincipal:
    """What an MCP token stands for: everything one call needs, from one look-up."""

    server_id: str
    tenant_id: str
    account_id: str
    integration: str
    name: str
    config: ServerConfig
    sealed_api_key: bytes = field(repr=False)
    expires_at: datetime | None
    version: int
    """Rises with every change of the server or of its account's key."""
    token_digest: bytes | None = field(default=None, repr=False)
    """Of the MCP token that was sent; None where there is no server between, as in a plain REST call."""
    api_token_digest: bytes | None = field(default=None, repr=False)
    """Of the API token that was needed as well."""


@dataclass(frozen=True, slots=True)
class ApiTokenPrincipal:
    """What an API token stands for."""

    token_id: str
    tenant_id: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    version: int
