"""Tenants: the operator's business."""

from mcp_gateway.exceptions import NotFoundError
from mcp_gateway.kit import ids
from mcp_gateway.models.audit import AuditAction
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.models.tenants import Tenant
from mcp_gateway.services.auditing import change
from mcp_gateway.services.checks import check_version
from mcp_gateway.services.idempotency import ANEW, Once
from mcp_gateway.services.revocation import Revoker
from mcp_gateway.storage.uow import UnitOfWorkFactory


class TenantService:
    """Creates, lists, renames and deletes tenants."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, revoker: Revoker) -> None:
        self._unit_of_work = unit_of_work
        self._revoker = revoker

    async def create(self, caller: AdminPrincipal, *, name: str, once: Once[Tenant] = ANEW) -> Tenant:
        """A new tenant."""
        tenant_id = ids.new_id(ids.TENANT)
        async with self._unit_of_work() as stores:
            await once.begin(stores, caller)
            await stores.enter(tenant_id)
            tenant = await stores.tenants.add(tenant_id, name=name)
            await once.keep(stores, tenant_id, tenant)
            await stores.audit.record(change(caller.actor, AuditAction.TENANT_CREATE, after=tenant))
        return tenant

    async def get(self, tenant_id: str) -> Tenant:
        """One tenant.

        Raises:
            NotFoundError: there is none with this id.
        """
        async with self._unit_of_work(tenant_id) as stores:
            return _found(await stores.tenants.get(tenant_id))

    async def list_page(self, *, limit: int, after: str | None) -> Page[Tenant]:
        """Newest first."""
        async with self._unit_of_work() as stores:
            return await stores.across_tenants.list_tenants(limit=limit, after=after)

    async def rename(
        self, caller: AdminPrincipal, tenant_id: str, *, name: str | None, expected_version: int | None
    ) -> Tenant:
        """Set the name; None leaves it."""
        async with self._unit_of_work(tenant_id) as stores:
            tenant = _found(await stores.tenants.lock(tenant_id))
            check_version(expected_version, tenant.version)
            if name is None:
                return tenant
            renamed = _found(await stores.tenants.rename(tenant_id, name=name))
            await stores.audit.record(change(caller.actor, AuditAction.TENANT_UPDATE, before=tenant, after=renamed))
        return renamed

    async def delete(self, caller: AdminPrincipal, tenant_id: str, *, expected_version: int | None) -> Receipt:
        """Delete the tenant and everything that is its; its tokens are dead from the commit on."""
        async with self._unit_of_work(tenant_id) as stores:
            # Locked from the top down, so that nothing can be added behind our back (see storage/accounts.py).
            tenant = _found(await stores.tenants.lock(tenant_id))
            check_version(expected_version, tenant.version)
            await stores.accounts.lock_all(tenant_id)
            _servers, events = await stores.servers.delete_all(tenant_id)
            events += await stores.api_tokens.delete_all(tenant_id)
            await stores.accounts.delete_all(tenant_id)
            await stores.tenants.delete(tenant_id)
            notes = {"tokens_deleted": len(events)}
            await stores.audit.record(change(caller.actor, AuditAction.TENANT_DELETE, before=tenant, notes=notes))
        return await self._revoker.revoke(events)


def _found(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise NotFoundError("there is no such tenant")
    return tenant
