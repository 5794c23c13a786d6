"""`/tenant`: the operator's."""

from fastapi import APIRouter, Response

from mcp_gateway.http.admin.paths import TenantId
from mcp_gateway.http.admin.schemas import DeletedOut, TenantCreate, TenantOut, TenantPatch
from mcp_gateway.http.context import ExpectedVersion, Operator, Services, etag
from mcp_gateway.http.idempotency import Idempotency
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.models.tenants import Tenant
from mcp_gateway.services.idempotency import Once

router = APIRouter(prefix="/tenant", tags=["tenants"], responses=PROBLEMS)
SCOPE = "tenants"


@router.post("", status_code=201, summary="Create a tenant")
async def create(
    body: TenantCreate, services: Services, caller: Operator, idempotency: Idempotency, response: Response
) -> TenantOut:
    """A tenant owns accounts, servers and API tokens; nothing is shared between two."""
    once: Once[Tenant] = idempotency.once(caller, lambda tenant: (TenantOut.of(tenant), etag(tenant.version)))
    tenant = await services.tenants().create(caller, name=body.name, once=once)
    response.headers.update(etag(tenant.version))
    return TenantOut.of(tenant)


@router.get("", summary="List tenants")
async def list_page(
    services: Services, _caller: Operator, limit: Limit = DEFAULT_LIMIT, next_cursor: NextCursor = None
) -> ListOut[TenantOut]:
    """Newest first."""
    after = services.list_cursors.position(SCOPE, next_cursor)
    page = await services.tenants().list_page(limit=limit, after=after)
    return list_out(page, TenantOut.of, services.list_cursors, SCOPE)


@router.get("/{tenant_id}", summary="Show a tenant")
async def show(tenant_id: TenantId, services: Services, _caller: Operator, response: Response) -> TenantOut:
    """One tenant."""
    tenant = await services.tenants().get(tenant_id)
    response.headers.update(etag(tenant.version))
    return TenantOut.of(tenant)


@router.patch("/{tenant_id}", summary="Rename a tenant")
async def change(
    tenant_id: TenantId,
    body: TenantPatch,
    services: Services,
    caller: Operator,
    expected_version: ExpectedVersion,
    response: Response,
) -> TenantOut:
    """What is omitted stays."""
    name = body.name if "name" in body.model_fields_set else None
    tenant = await services.tenants().rename(caller, tenant_id, name=name, expected_version=expected_version)
    response.headers.update(etag(tenant.version))
    return TenantOut.of(tenant)


@router.delete("/{tenant_id}", summary="Delete a tenant and all that is its")
async def delete(
    tenant_id: TenantId, services: Services, caller: Operator, expected_version: ExpectedVersion
) -> DeletedOut:
    """Its accounts with their keys, its servers and its API tokens go with it, at once and everywhere."""
    receipt = await services.tenants().delete(caller, tenant_id, expected_version=expected_version)
    return DeletedOut.of_deleted(tenant_id, receipt)
