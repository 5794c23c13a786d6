"""API tokens: a tenant's keys for the admin API."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mcp_gateway.constants import API_TOKEN_PREFIX
from mcp_gateway.exceptions import InvalidInputError, NotFoundError, PermissionDeniedError, Problem
from mcp_gateway.kit import ids, tokens
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.api_tokens import ALL_SCOPES, ApiToken, Scope
from mcp_gateway.models.audit import AuditAction
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.services.auditing import change
from mcp_gateway.services.checks import check_expiry
from mcp_gateway.services.idempotency import ANEW, Once
from mcp_gateway.services.revocation import Revoker
from mcp_gateway.services.tenancy import enter_api_token, resolve_tenant
from mcp_gateway.storage.uow import UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class CreatedApiToken:
    """A new API token with its secret, which is told this once."""

    api_token: ApiToken
    token: str = field(repr=False)


class ApiTokenService:
    """Creates, lists and deletes API tokens."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, revoker: Revoker, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._revoker = revoker
        self._clock = clock

    async def create(
        self,
        caller: AdminPrincipal,
        *,
        name: str,
        tenant_id: str | None,
        scopes: Sequence[Scope] | None,
        expires_at: datetime | None,
        once: Once[CreatedApiToken] = ANEW,
    ) -> CreatedApiToken:
        """A new token; `scopes` None means all the caller has, and without `expires_at` it ends when the caller does.

        Raises:
            PermissionDeniedError: it could do more than the caller, or would outlive it.
        """
        granted = frozenset(scopes) if scopes is not None else caller.scopes & ALL_SCOPES
        if not granted <= caller.scopes:
            missing = ", ".join(sorted(granted - caller.scopes))
            raise PermissionDeniedError(f"a token cannot grant what it does not have: {missing}")
        if not granted:
            text = f"must name at least one of {', '.join(Scope)}, or be omitted for all"
            raise InvalidInputError("scopes " + text, [Problem("scopes", text, allowed=tuple(Scope))])
        expires_at = expires_at or caller.expires_at
        if caller.expires_at is not None and expires_at is not None and expires_at > caller.expires_at:
            raise PermissionDeniedError(
                f"a token cannot make one that outlives it: it ends at {caller.expires_at:%FT%TZ}"
            )
        minted = tokens.mint(API_TOKEN_PREFIX)
        async with self._unit_of_work(caller.tenant_id) as stores:
            await once.begin(stores, caller)
            # After that: repeated a little later, a near expiry must not make another answer of it.
            if expires_at != caller.expires_at:
                check_expiry(expires_at, self._clock)
            owner = await resolve_tenant(stores, caller, tenant_id)
            api_token = await stores.api_tokens.add(
                owner,
                ids.new_id(ids.API_TOKEN),
                name=name,
                token_digest=minted.digest,
                token_hint=minted.hint,
                scopes=granted,
                expires_at=expires_at,
            )
            created = CreatedApiToken(api_token=api_token, token=minted.token)
            await once.keep(stores, owner, created)
            await stores.audit.record(change(caller.actor, AuditAction.API_TOKEN_CREATE, after=api_token))
        return created

    async def list_page(self, caller: AdminPrincipal, *, limit: int, after: str | None) -> Page[ApiToken]:
        """Newest first."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            if caller.tenant_id is None:
                return await stores.across_tenants.list_api_tokens(limit=limit, after=after)
            return await stores.api_tokens.list_page(caller.tenant_id, limit=limit, after=after)

    async def delete(self, caller: AdminPrincipal, token_id: str) -> Receipt:
        """Revoke one; it is dead from the commit on.

        Raises:
            NotFoundError: there is none with this id, it expired, or it is another tenant's.
            PermissionDeniedError: it may do what the caller may not.
        """
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_api_token(stores, caller, token_id)
            api_token = await stores.api_tokens.get(tenant_id, token_id, lock=True)
            if api_token is None:
                raise NotFoundError("there is no such API token")
            if beyond := api_token.scopes - caller.scopes:
                raise PermissionDeniedError(f"a token cannot revoke one that may do more: {', '.join(sorted(beyond))}")
            events = await stores.api_tokens.delete(tenant_id, token_id)
            if not events:  # it expired since it was read
                raise NotFoundError("there is no such API token")
            await stores.audit.record(change(caller.actor, AuditAction.API_TOKEN_DELETE, before=api_token))
        return await self._revoker.revoke(events)
