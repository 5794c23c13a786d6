"""The few paths without a tenant, each one function in the database that runs with its owner's rights.

Which functions there are, and why, is `schema/isolation.py`; everything else reads and writes behind row-level
security, in the name of one tenant.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Row, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.exceptions import FaultError
from mcp_gateway.kit import ids
from mcp_gateway.models.accounts import Account
from mcp_gateway.models.api_tokens import ApiToken
from mcp_gateway.models.audit import AuditFilter, AuditRow
from mcp_gateway.models.pages import Page
from mcp_gateway.models.servers import ServerUse
from mcp_gateway.models.tenants import Tenant
from mcp_gateway.models.tool_calls import CallFilter, LoggedCall
from mcp_gateway.storage.accounts import to_account
from mcp_gateway.storage.api_tokens import to_api_token
from mcp_gateway.storage.audit import bounds as audit_bounds
from mcp_gateway.storage.audit import to_audit_row
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.rows import to_page
from mcp_gateway.storage.tenants import to_tenant
from mcp_gateway.storage.tool_calls import bounds as call_bounds
from mcp_gateway.storage.tool_calls import to_logged_call

T = TypeVar("T")


class TenantOf(StrEnum):
    """What the tenant of a transaction can be looked up by; values name functions in the database."""

    SERVER_DIGEST = "tenant_by_server_digest"
    API_TOKEN_DIGEST = "tenant_by_api_token_digest"  # noqa: S105 - a function's name
    ACCOUNT_ID = "tenant_by_account_id"
    API_TOKEN_ID = "tenant_by_api_token_id"  # noqa: S105 - a function's name
    IDEMPOTENCY_KEY = "tenant_by_idempotency_key"


class AcrossTenants:
    """The operator's lists and the expiry sweep."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list_tenants(self, *, limit: int, after: str | None) -> Page[Tenant]:
        """Newest first."""
        return await self._page("list_tenants", limit, after, to_tenant)

    async def list_accounts(self, *, limit: int, after: str | None) -> Page[Account]:
        """Of all tenants, newest first."""
        return await self._page("list_accounts", limit, after, to_account)

    async def list_api_tokens(self, *, limit: int, after: str | None) -> Page[ApiToken]:
        """Of all tenants, newest first, without expired ones."""
        return await self._page("list_api_tokens", limit, after, to_api_token)

    async def list_audit_log(self, wanted: AuditFilter, *, limit: int, after: str | None) -> Page[AuditRow]:
        """Of all tenants, newest first."""
        query = (
            "SELECT * FROM public.list_audit_log(CAST(:below AS text), CAST(:from AS text), :count, :created_after, "
            ":created_before, CAST(:action AS text), CAST(:object_type AS text), CAST(:object_id AS text))"
        )
        first, below = audit_bounds(wanted, after)
        rows = await self._rows(
            query,
            **{"below": below, "from": first, "count": limit + 1},
            created_after=wanted.created_after,
            created_before=wanted.created_before,
            action=wanted.action,
            object_type=wanted.object_type,
            object_id=wanted.object_id,
        )
        return to_page(rows, limit, to_audit_row)

    async def add_tool_calls(self, batch: bytes) -> None:
        """Add rows of any tenants; `batch` is a JSON array of objects with the columns' names.

        Raises:
            FaultError: not such an array; trying again would not help.
        """
        query = text("SELECT public.add_tool_calls(CAST(CAST(:batch AS text) AS jsonb))")
        with storage_faults():
            try:
                await self._connection.execute(query, {"batch": batch.decode()})
            except (DataError, IntegrityError) as exc:
                raise FaultError("the database refused a batch of the log of tool calls") from exc

    async def list_tool_calls(self, wanted: CallFilter, *, limit: int, after: str | None) -> Page[LoggedCall]:
        """Of all tenants, newest first."""
        query = (
            "SELECT * FROM public.list_tool_calls(CAST(:below AS text), CAST(:from AS text), :count, :created_after, "
            ":created_before, CAST(:server AS text), CAST(:tool AS text), CAST(:status AS text))"
        )
        first, below = call_bounds(wanted, after)
        rows = await self._rows(
            query,
            **{"below": below, "from": first, "count": limit + 1},
            created_after=wanted.created_after,
            created_before=wanted.created_before,
            server=wanted.server_id,
            tool=wanted.tool,
            status=wanted.status,
        )
        return to_page(rows, limit, to_logged_call)

    async def purge_tool_calls(self, older_than: datetime, limit: int) -> int:
        """Remove calls older than this, and those of tenants that are no more, up to `limit` of each; how many."""
        query = "SELECT public.purge_tool_calls(:below, :limit) AS removed"
        [row] = await self._rows(query, below=ids.first_id(ids.TOOL_CALL, older_than), limit=limit)
        removed: int = row.removed
        return removed

    async def tenants_with_expired(self, limit: int) -> list[str]:
        """Tenants of up to `limit` MCP servers and as many API tokens past their expiry."""
        rows = await self._rows("SELECT * FROM public.tenants_with_expired(:limit) AS tenant_id", limit=limit)
        return [row.tenant_id for row in rows]

    async def delete_expired_answers(self, limit: int) -> int:
        """Forget answers that were kept long enough; how many."""
        [row] = await self._rows("SELECT public.delete_expired_idempotency_keys(:limit) AS removed", limit=limit)
        removed: int = row.removed
        return removed

    async def record_server_use(self, uses: Sequence[ServerUse]) -> None:
        """When servers were last used, and by whom; what somebody else holds is passed over."""
        await self._rows(
            "SELECT public.record_server_use(:ids, :minutes, :names, :versions)",
            ids=[use.server_id for use in uses],
            minutes=[use.minute for use in uses],
            names=[use.client and use.client.name for use in uses],
            versions=[use.client and use.client.version for use in uses],
        )

    async def _page(self, function: str, limit: int, after: str | None, convert: Callable[[Row[Any]], T]) -> Page[T]:
        query = f"SELECT * FROM public.{function}(:after, :count)"  # noqa: S608 - one of three names above
        return to_page(await self._rows(query, after=after, count=limit + 1), limit, convert)

    async def _rows(self, query: str, **values: Any) -> Sequence[Row[Any]]:
        with storage_faults():
            return (await self._connection.execute(text(query), values)).all()
