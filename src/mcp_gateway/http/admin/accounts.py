"""`/integrated-account`: stored Richpanel keys."""

from fastapi import APIRouter, Response

from mcp_gateway.http.admin.catalog import ToolFilter, tool_out, tools_page
from mcp_gateway.http.admin.paths import AccountId
from mcp_gateway.http.admin.schemas import AccountCreate, AccountOut, AccountPatch, DeletedOut, ToolOut
from mcp_gateway.http.context import ExpectedVersion, Reader, Services, Writer, etag
from mcp_gateway.http.idempotency import Idempotency
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS

router = APIRouter(prefix="/integrated-account", tags=["integrated accounts"], responses=PROBLEMS)


@router.post("", status_code=201, summary="Store a Richpanel API key")
async def create(
    body: AccountCreate, services: Services, caller: Writer, idempotency: Idempotency, response: Response
) -> AccountOut:
    """The key is sealed before it is stored and never shown again."""
    account = await services.accounts().create(
        caller,
        integration=body.integration,
        name=body.name,
        api_key=body.credentials.api_key.get_secret_value(),
        tenant_id=body.tenant_id,
        once=idempotency.once(caller, lambda account: (AccountOut.of(account), etag(account.version))),
    )
    response.headers.update(etag(account.version))
    return AccountOut.of(account)


@router.get("", summary="List integrated accounts")
async def list_page(
    services: Services, caller: Reader, limit: Limit = DEFAULT_LIMIT, next_cursor: NextCursor = None
) -> ListOut[AccountOut]:
    """Newest first."""
    scope = f"accounts:{caller.tenant_id}"
    after = services.list_cursors.position(scope, next_cursor)
    page = await services.accounts().list_page(caller, limit=limit, after=after)
    return list_out(page, AccountOut.of, services.list_cursors, scope)


@router.get("/{account_id}", summary="Show an integrated account")
async def show(account_id: AccountId, services: Services, caller: Reader, response: Response) -> AccountOut:
    """One account, without its key."""
    account = await services.accounts().get(caller, account_id)
    response.headers.update(etag(account.version))
    return AccountOut.of(account)


@router.patch("/{account_id}", summary="Rename an account, or replace its key")
async def change(
    account_id: AccountId,
    body: AccountPatch,
    services: Services,
    caller: Writer,
    expected_version: ExpectedVersion,
    response: Response,
) -> AccountOut:
    """A new key holds for the next call of every server of this account."""
    given = body.model_fields_set
    account = await services.accounts().update(
        caller,
        account_id,
        name=body.name if "name" in given else None,
        api_key=body.credentials.api_key.get_secret_value() if "credentials" in given else None,
        expected_version=expected_version,
    )
    response.headers.update(etag(account.version))
    return AccountOut.of(account)


@router.delete("/{account_id}", summary="Delete an account, its key and its servers")
async def delete(
    account_id: AccountId, services: Services, caller: Writer, expected_version: ExpectedVersion
) -> DeletedOut:
    """The tokens of its servers are dead at once and everywhere."""
    receipt = await services.accounts().delete(caller, account_id, expected_version=expected_version)
    return DeletedOut.of_deleted(account_id, receipt)


@router.get("/{account_id}/tools", summary="List what a server with this filter would expose")
async def list_tools(
    account_id: AccountId,
    services: Services,
    caller: Reader,
    tool_filter: ToolFilter,
    limit: Limit = DEFAULT_LIMIT,
    next_cursor: NextCursor = None,
) -> ListOut[ToolOut]:
    """An empty list means that creating such a server would be refused."""
    account = await services.accounts().get(caller, account_id)
    page, scope = tools_page(services, account.integration, tool_filter, limit=limit, next_cursor=next_cursor)
    return list_out(page, tool_out, services.list_cursors, scope)
