"""Whose object it is to be."""

from mcp_gateway.exceptions import InvalidInputError, Problem
from mcp_gateway.kit import ids
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.storage.uow import UnitOfWork


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
    if not ids.is_id(owner, ids.TENANT) or await stores.tenants.hold(owner) is None:
        raise _problem("names no tenant")
    return owner


def _problem(text: str) -> InvalidInputError:
    return InvalidInputError("tenant_id " + text, [Problem("tenant_id", text)])
