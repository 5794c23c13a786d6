"""Whose object it is, or is to be."""

from mcp_gateway.exceptions import InvalidInputError, NotFoundError, Problem
from mcp_gateway.kit import ids
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.storage.uow import UnitOfWork
from mcp_gateway.storage.without_tenant import TenantOf


async def resolve_tenant(stores: UnitOfWork, caller: AdminPrincipal, tenant_id: str | None) -> str:
    """The tenant a new object belongs to, held until the end of the transaction.

    The operator has to name one; a tenant's token may name only its own.

    Raises:
        InvalidInputError: none named by the operator, one that does not exist, or another tenant's.
    """
    owner = tenant_id if caller.is_operator else caller.tenant_id
    if owner is None:
        raise _problem("is required when the operator creates this")
    # One answer for a foreign tenant and for none: which ids exist is nobody else's business.
    if tenant_id is not None and tenant_id != owner:
        raise _problem("must be the tenant of the API token, or be omitted")
    # The form first: what is no id at all, a NUL character in it, say, is not for the database to choke on.
    if not ids.is_id(owner, ids.TENANT):
        raise _problem("names no tenant")
    if caller.is_operator:
        await stores.enter(owner)
    if await stores.tenants.hold(owner) is None:
        raise _problem("names no tenant")
    return owner


async def enter_account(stores: UnitOfWork, caller: AdminPrincipal, account_id: str) -> str:
    """The tenant in whose name the transaction works: the caller's own, or for the operator that of the account.

    Raises:
        NotFoundError: the operator named an account that does not exist.
    """
    return await _enter(stores, caller, TenantOf.ACCOUNT_ID, account_id, "integrated account")


async def enter_api_token(stores: UnitOfWork, caller: AdminPrincipal, token_id: str) -> str:
    """The same for an API token.

    Raises:
        NotFoundError: the operator named a token that does not exist.
    """
    return await _enter(stores, caller, TenantOf.API_TOKEN_ID, token_id, "API token")


async def _enter(stores: UnitOfWork, caller: AdminPrincipal, lookup: TenantOf, key: str, what: str) -> str:
    # A tenant's caller was entered when the transaction began, and stays in its own tenant whatever it names.
    tenant_id = caller.tenant_id or await stores.enter_by(lookup, key)
    if tenant_id is None:
        raise NotFoundError(f"there is no such {what}")
    return tenant_id


def chosen_tenant(caller: AdminPrincipal, tenant_id: str | None) -> str | None:
    """Whose rows of a log to show: the operator may name any tenant, or none for all; others see their own.

    Raises:
        InvalidInputError: another tenant's than the caller's. A tenant that was deleted may be named.
    """
    if caller.tenant_id is not None and tenant_id not in {None, caller.tenant_id}:
        raise _problem("must be the tenant of the API token, or be omitted")
    return caller.tenant_id or tenant_id


def _problem(text: str) -> InvalidInputError:
    return InvalidInputError("tenant_id " + text, [Problem("tenant_id", text)])
