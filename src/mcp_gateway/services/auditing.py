"""What a change looks like in the audit log; free of secrets because only what is named here goes in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mcp_gateway.kit.request_facts import request_facts
from mcp_gateway.models.accounts import Account
from mcp_gateway.models.api_tokens import ApiToken
from mcp_gateway.models.audit import Actor, AuditAction, AuditEntry, AuditFilter, AuditRow
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.servers import Server
from mcp_gateway.models.tenants import Tenant
from mcp_gateway.services.tenancy import chosen_tenant
from mcp_gateway.storage.uow import UnitOfWorkFactory

Audited = Tenant | Account | Server | ApiToken


class AuditService:
    """Reads the log."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def list_page(
        self, caller: AdminPrincipal, tenant_id: str | None, wanted: AuditFilter, *, limit: int, after: str | None
    ) -> Page[AuditRow]:
        """Newest first; of the named tenant where the operator names one, of its own for any other caller."""
        of = chosen_tenant(caller, tenant_id)
        async with self._unit_of_work(of) as stores:
            if of is None:
                return await stores.across_tenants.list_audit_log(wanted, limit=limit, after=after)
            return await stores.audit.list_page(of, wanted, limit=limit, after=after)


def change(
    actor: Actor,
    action: AuditAction,
    *,
    before: Audited | None = None,
    after: Audited | None = None,
    notes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """The entry of one change, for the request being worked on.

    `notes` says what the object itself does not show, e.g. that its key was replaced; they must hold no secret.
    """
    subject = after or before
    if subject is None:
        raise ValueError("a change has a before or an after")
    noted = dict(notes or {})
    told_before = None if before is None else _snapshot(before) | (noted if after is None else {})
    told_after = None if after is None else _snapshot(after) | noted
    return AuditEntry(
        tenant_id=subject.id if isinstance(subject, Tenant) else subject.tenant_id,
        actor=actor,
        action=action,
        object_id=subject.id,
        before=told_before,
        after=told_after,
        request_id=request_facts().request_id,
    )


def _snapshot(subject: Audited) -> dict[str, Any]:
    match subject:
        case Tenant():
            return {"name": subject.name}
        case Account():
            return {
                "integration": subject.integration,
                "name": subject.name,
                "credentials_hint": subject.credentials_hint,
            }
        case Server():
            return {
                "integrated_account_id": subject.account_id,
                "name": subject.name,
                "config": subject.config,
                "expires_at": _text(subject.expires_at),
            }
        case ApiToken():
            return {
                "name": subject.name,
                "token_hint": subject.token_hint,
                "scopes": sorted(subject.scopes),
                "expires_at": _text(subject.expires_at),
            }


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
