"""`/api-token`: a tenant's keys for this API."""

from fastapi import APIRouter

from mcp_gateway.http.admin.paths import TokenId
from mcp_gateway.http.admin.schemas import ApiTokenCreate, ApiTokenCreated, ApiTokenOut, DeletedOut
from mcp_gateway.http.context import Services, TokenKeeper
from mcp_gateway.http.idempotency import Idempotency
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.services.api_tokens import CreatedApiToken
from mcp_gateway.services.idempotency import Once

router = APIRouter(prefix="/api-token", tags=["API tokens"], responses=PROBLEMS)


@router.post("", status_code=201, summary="Create an API token")
async def create(
    body: ApiTokenCreate, services: Services, caller: TokenKeeper, idempotency: Idempotency
) -> ApiTokenCreated:
    """The answer is the only place that ever holds the token."""
    once: Once[CreatedApiToken] = idempotency.once(caller, lambda created: (ApiTokenCreated.of_created(created), {}))
    created = await services.api_tokens().create(
        caller, name=body.name, tenant_id=body.tenant_id, scopes=body.scopes, expires_at=body.expires_at, once=once
    )
    return ApiTokenCreated.of_created(created)


@router.get("", summary="List API tokens")
async def list_page(
    services: Services, caller: TokenKeeper, limit: Limit = DEFAULT_LIMIT, next_cursor: NextCursor = None
) -> ListOut[ApiTokenOut]:
    """Newest first, without their secrets."""
    scope = f"api-tokens:{caller.tenant_id}"
    after = services.list_cursors.position(scope, next_cursor)
    page = await services.api_tokens().list_page(caller, limit=limit, after=after)
    return list_out(page, ApiTokenOut.of, services.list_cursors, scope)


@router.delete("/{token_id}", summary="Revoke an API token")
async def delete(token_id: TokenId, services: Services, caller: TokenKeeper) -> DeletedOut:
    """It is dead at once and everywhere."""
    receipt = await services.api_tokens().delete(caller, token_id)
    return DeletedOut.of_deleted(token_id, receipt)
