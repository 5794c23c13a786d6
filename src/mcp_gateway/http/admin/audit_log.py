"""`/audit-log`: who changed what."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from mcp_gateway.http.admin.filters import CreatedAfter, CreatedBefore, Text, only
from mcp_gateway.http.context import LogReader, Services
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.models.audit import ActorKind, AuditFilter, AuditRow

router = APIRouter(prefix="/audit-log", tags=["logs"], responses=PROBLEMS)

FILTERS = ("created_at[gt]", "created_at[lt]", "action", "object_type", "object_id", "tenant_id")


class AuditRowOut(BaseModel):
    """One change."""

    id: str = Field(examples=["aud_01kb0g4t6v9m3q8r5x2y7w1z0c"])
    tenant_id: str
    seq: int = Field(description="1, 2, 3 … within the tenant.")
    created_at: datetime
    actor_kind: ActorKind
    actor_id: str | None = Field(description="The API token's id, or the fingerprint of an operator's key.")
    action: str = Field(examples=["mcp_server.create"])
    object_type: str
    object_id: str
    before: dict[str, Any] | None = Field(description="Null for what was made.")
    after: dict[str, Any] | None = Field(description="Null for what was deleted.")
    request_id: str | None

    @classmethod
    def of(cls, row: AuditRow) -> "AuditRowOut":
        """From the model."""
        return cls.model_validate(row, from_attributes=True)


def _wanted(
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    action: Text = None,
    object_type: Text = None,
    object_id: Text = None,
) -> AuditFilter:
    return AuditFilter(created_after, created_before, action, object_type, object_id)


@router.get("", summary="List changes", dependencies=[Depends(only(*FILTERS))])
async def list_page(
    services: Services,
    caller: LogReader,
    wanted: Annotated[AuditFilter, Depends(_wanted)],
    tenant_id: Text = None,
    limit: Limit = DEFAULT_LIMIT,
    next_cursor: NextCursor = None,
) -> ListOut[AuditRowOut]:
    """Newest first. A tenant sees its own; rows of a deleted tenant stay for the operator."""
    scope = f"audit:{caller.tenant_id}:{tenant_id}:{wanted}"
    after = services.list_cursors.position(scope, next_cursor)
    page = await services.audit().list_page(caller, tenant_id, wanted, limit=limit, after=after)
    return list_out(page, AuditRowOut.of, services.list_cursors, scope)
