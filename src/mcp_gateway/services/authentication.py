"""A credential to a principal, or a plain no."""

import structlog

from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.exceptions import UnauthenticatedError
from mcp_gateway.kit import tokens
from mcp_gateway.models.principals import AdminPrincipal, ApiTokenPrincipal, ServerPrincipal
from mcp_gateway.storage.token_store import TokenStore

FINGERPRINT_DIGITS = 12

logger = structlog.get_logger(__name__)


class AuthenticationService:
    """Knows operators, API tokens and MCP tokens."""

    def __init__(
        self,
        *,
        server_tokens: TokenStore[ServerPrincipal],
        api_tokens: TokenStore[ApiTokenPrincipal],
        operator_keys: tuple[str, ...],
    ) -> None:
        """`operator_keys` holds one key, or two while rotating."""
        self._server_tokens = server_tokens
        self._api_tokens = api_tokens
        self._operator_digests = tuple(_digest(key) for key in operator_keys)

    async def server(self, token: str) -> ServerPrincipal | None:
        """What an MCP token stands for; None for unknown, malformed, expired and revoked alike."""
        digest = mcp_token_digest(token)
        if digest is None:
            return None
        return await self._server_tokens.find(digest)

    def server_at_hand(self, digest: bytes) -> ServerPrincipal | None:
        """The same, by the token's digest, where this process knows it already; None says nothing, `server` will."""
        return self._server_tokens.at_hand(digest)

    async def tenant_caller(self, api_token: str | None, tenant_id: str) -> bytes | None:
        """The digest of a live API token of the tenant, whatever its scopes; None when this is no such token."""
        digest = None if api_token is None else tokens.parse(api_token, API_TOKEN_PREFIX)
        principal = None if digest is None else await self._api_tokens.find(digest)
        return digest if principal is not None and principal.tenant_id == tenant_id else None

    async def admin(self, credential: str | None) -> AdminPrincipal:
        """The caller of the admin API.

        Raises:
            UnauthenticatedError: no credential, or one that is neither the operator's key nor a live API token.
        """
        if credential is None:
            raise UnauthenticatedError("send `Authorization: Bearer <operator key or API token>`")
        operator = self._operator_digest(credential)
        if operator is not None:
            return AdminPrincipal(tenant_id=None, key_fingerprint=operator.hex()[:FINGERPRINT_DIGITS])
        digest = tokens.parse(credential, API_TOKEN_PREFIX)
        principal = None if digest is None else await self._api_tokens.find(digest)
        if principal is None:
            raise UnauthenticatedError("the key is neither the operator's nor a live API token")
        return AdminPrincipal(
            tenant_id=principal.tenant_id,
            token_id=principal.token_id,
            scopes=principal.scopes,
            token_digest=digest,
            expires_at=principal.expires_at,
        )

    def _operator_digest(self, credential: str) -> bytes | None:
        given = _digest(credential)
        # Every key is compared, so that the time does not tell which one was meant.
        same = [tokens.is_same(given, known) for known in self._operator_digests]
        return given if any(same) else None


def mcp_token_digest(token: str) -> bytes | None:
    """What an MCP token is known by; None for what cannot be one."""
    return tokens.parse(token, MCP_TOKEN_PREFIX)


def _digest(key: str) -> bytes:
    # Digests have one length, so comparing them does not tell the length of the key.
    return tokens.digest(key.encode("utf-8", errors="replace").hex())
