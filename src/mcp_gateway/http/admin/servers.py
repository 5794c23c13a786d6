"""`/integrated-account/{id}/mcp`: MCP servers."""

from fastapi import APIRouter, Response

from mcp_gateway.http.admin.paths import AccountId, ServerId
from mcp_gateway.http.admin.schemas import (
    DeletedOut,
    ServerCreate,
    ServerCreated,
    ServerDetail,
    ServerOut,
    ServerPatch,
    ServerRotate,
    ServerRotated,
)
from mcp_gateway.http.context import ExpectedVersion, Reader, Services, Writer, etag
from mcp_gateway.http.idempotency import Idempotency
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.services.idempotency import Once
from mcp_gateway.services.servers import CreatedServer, RotatedServer, ServerChanges

router = APIRouter(prefix="/integrated-account/{account_id}/mcp", tags=["MCP servers"], responses=PROBLEMS)
NO_OVERLAP = ServerRotate()


@router.post("", status_code=201, summary="Create an MCP server: one POST gives a secret URL")
async def create(
    account_id: AccountId,
    body: ServerCreate,
    services: Services,
    caller: Writer,
    idempotency: Idempotency,
    response: Response,
) -> ServerCreated:
    """The answer is the only place that ever holds `token` and `url`."""
    config = {key: value for key, value in body.config.given().items() if value is not None}
    once: Once[CreatedServer] = idempotency.once(
        caller, lambda made: (ServerCreated.of_created(made), etag(made.server.version))
    )
    created = await services.servers().create(
        caller, account_id, name=body.name, config=config, expires_at=body.expires_at, once=once
    )
    response.headers.update(etag(created.server.version))
    return ServerCreated.of_created(created)


@router.get("", summary="List MCP servers")
async def list_page(
    account_id: AccountId,
    services: Services,
    caller: Reader,
    limit: Limit = DEFAULT_LIMIT,
    next_cursor: NextCursor = None,
) -> ListOut[ServerOut]:
    """Newest first, without their tokens."""
    scope = f"servers:{caller.tenant_id}:{account_id}"
    after = services.list_cursors.position(scope, next_cursor)
    page = await services.servers().list_page(caller, account_id, limit=limit, after=after)
    return list_out(page, ServerOut.of, services.list_cursors, scope)


@router.get("/{mcp_id}", summary="Show an MCP server")
async def show(
    account_id: AccountId, mcp_id: ServerId, services: Services, caller: Reader, response: Response
) -> ServerDetail:
    """One server, without its token, and when it was last used; that is told a few seconds late."""
    server = await services.servers().get(caller, account_id, mcp_id)
    response.headers.update(etag(server.version))
    return ServerDetail.of_used(server)


@router.patch("/{mcp_id}", summary="Change an MCP server")
async def change(
    account_id: AccountId,
    mcp_id: ServerId,
    body: ServerPatch,
    services: Services,
    caller: Writer,
    expected_version: ExpectedVersion,
    response: Response,
) -> ServerDetail:
    """Merges `name`, `expires_at` and the top-level keys of `config`; holds everywhere within a second."""
    given = body.model_fields_set
    changes = ServerChanges(
        name=body.name if "name" in given else None,
        config=body.config.given() if "config" in given else None,
        sets_expiry="expires_at" in given,
        expires_at=body.expires_at,
    )
    server = await services.servers().update(caller, account_id, mcp_id, changes, expected_version=expected_version)
    response.headers.update(etag(server.version))
    return ServerDetail.of_used(server)


@router.post("/{mcp_id}/rotate", summary="Replace the token of an MCP server")
async def rotate(
    account_id: AccountId,
    mcp_id: ServerId,
    services: Services,
    caller: Writer,
    expected_version: ExpectedVersion,
    idempotency: Idempotency,
    response: Response,
    body: ServerRotate = NO_OVERLAP,
) -> ServerRotated:
    """A new `token` and `url`; the old one works until the overlap ends, which without one is at once.

    Rotating again within an overlap leaves the end that was promised as it is.
    """
    once: Once[RotatedServer] = idempotency.once(
        caller, lambda made: (ServerRotated.of_rotated(made), etag(made.server.version)), status=200
    )
    rotated = await services.servers().rotate(
        caller,
        account_id,
        mcp_id,
        overlap_seconds=body.overlap_seconds,
        expected_version=expected_version,
        once=once,
    )
    response.headers.update(etag(rotated.server.version))
    return ServerRotated.of_rotated(rotated)


@router.delete("/{mcp_id}", summary="Delete an MCP server")
async def delete(
    account_id: AccountId, mcp_id: ServerId, services: Services, caller: Writer, expected_version: ExpectedVersion
) -> DeletedOut:
    """Its token is dead at once and everywhere."""
    receipt = await services.servers().delete(caller, account_id, mcp_id, expected_version=expected_version)
    return DeletedOut.of_deleted(mcp_id, receipt)
