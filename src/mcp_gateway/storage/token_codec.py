"""Principals to bytes and back, for Redis. The Richpanel key inside stays sealed."""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson

from mcp_gateway.models.api_tokens import Scope
from mcp_gateway.models.principals import ApiTokenPrincipal, ServerPrincipal
from mcp_gateway.models.servers import ServerConfig

FORM = 3
"""Raised when the fields change; a record of another form is a miss."""


def _time(value: float | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)


def _stamp(value: datetime | None) -> float | None:
    return None if value is None else value.timestamp()


def dump_server(principal: ServerPrincipal) -> bytes:
    """JSON bytes."""
    config = principal.config
    return orjson.dumps(
        {
            "form": FORM,
            "server_id": principal.server_id,
            "tenant_id": principal.tenant_id,
            "account_id": principal.account_id,
            "integration": principal.integration,
            "name": principal.name,
            "config": {
                "methods": config.methods,
                "tags": config.tags,
                "require_api_token_auth": config.require_api_token_auth,
                "upstream_429": config.upstream_429,
                "duplicate_window_seconds": config.duplicate_window_seconds,
                "fence_untrusted_text": config.fence_untrusted_text,
                "log_arguments": config.log_arguments,
            },
            "sealed_api_key": base64.b64encode(principal.sealed_api_key).decode(),
            "expires_at": _stamp(principal.expires_at),
            "version": principal.version,
            "token_digest": (principal.token_digest or b"").hex(),
        }
    )


def load_server(payload: bytes) -> ServerPrincipal | None:
    """The principal, or None for a record of another form."""
    fields: dict[str, Any] = orjson.loads(payload)
    if fields.pop("form", None) != FORM:
        return None
    return ServerPrincipal(
        **{
            **fields,
            "config": ServerConfig.from_dict(fields["config"]),
            "sealed_api_key": base64.b64decode(fields["sealed_api_key"]),
            "expires_at": _time(fields["expires_at"]),
            "token_digest": bytes.fromhex(fields["token_digest"]) or None,
        }
    )


def dump_api_token(principal: ApiTokenPrincipal) -> bytes:
    """JSON bytes."""
    return orjson.dumps(
        {
            "form": FORM,
            "token_id": principal.token_id,
            "tenant_id": principal.tenant_id,
            "scopes": sorted(principal.scopes),
            "expires_at": _stamp(principal.expires_at),
            "version": principal.version,
        }
    )


def load_api_token(payload: bytes) -> ApiTokenPrincipal | None:
    """The principal, or None for a record of another form."""
    fields: dict[str, Any] = orjson.loads(payload)
    if fields.pop("form", None) != FORM:
        return None
    scopes = frozenset(Scope(scope) for scope in fields["scopes"])
    return ApiTokenPrincipal(**{**fields, "scopes": scopes, "expires_at": _time(fields["expires_at"])})
