"""An MCP server: one token, one account, a choice of tools."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Upstream429 = Literal["tool_error", "http_429"]
DUPLICATE_WINDOW_SECONDS = 120
MAX_DUPLICATE_WINDOW_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Which tools a server exposes and how it answers; None means "not restricted"."""

    methods: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    require_api_token_auth: bool = False
    upstream_429: Upstream429 = "tool_error"
    duplicate_window_seconds: int = DUPLICATE_WINDOW_SECONDS
    """How long the same write is not sent again; 0: it always is."""
    fence_untrusted_text: bool = False
    log_arguments: bool = False

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "ServerConfig":
        """From the stored JSON, which holds only the keys that were given."""
        methods, tags = value.get("methods"), value.get("tags")
        return cls(
            methods=None if methods is None else tuple(methods),
            tags=None if tags is None else tuple(tags),
            require_api_token_auth=value.get("require_api_token_auth", False),
            upstream_429=value.get("upstream_429", "tool_error"),
            duplicate_window_seconds=value.get("duplicate_window_seconds", DUPLICATE_WINDOW_SECONDS),
            fence_untrusted_text=value.get("fence_untrusted_text", False),
            log_arguments=value.get("log_arguments", False),
        )


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What an MCP client says of itself; so never to be trusted."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ServerUse:
    """A server was used in the minute that begins at `minute`, in UTC."""

    server_id: str
    minute: datetime
    client: ClientInfo | None


@dataclass(frozen=True, slots=True)
class Server:
    """One MCP server, without its token."""

    id: str
    tenant_id: str
    account_id: str
    name: str
    config: dict[str, Any]
    """As the caller gave it: only the keys that were set."""
    expires_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None = None
    """Its minute; told some seconds later, and never at the cost of a call."""
    last_client: ClientInfo | None = None
    """Who the client said it was that last said so."""
