"""Integrated accounts: a tenant's Richpanel keys, sealed on the way in and never shown again."""

from collections.abc import Sequence
from typing import Any

from mcp_gateway.exceptions import InvalidInputError, NotFoundError, Problem
from mcp_gateway.kit import ids
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.models.accounts import Account, key_context
from mcp_gateway.models.audit import AuditAction
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.services.auditing import change
from mcp_gateway.services.checks import check_version
from mcp_gateway.services.idempotency import ANEW, Once
from mcp_gateway.services.revocation import Revoker
from mcp_gateway.services.tenancy import enter_account, resolve_tenant
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.uow import UnitOfWorkFactory

HINT_LENGTH = 4


class AccountService:
    """Creates, lists, changes and deletes integrated accounts."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        announcer: TokenAnnouncer,
        revoker: Revoker,
        sealer: Sealer,
        integrations: Sequence[str],
    ) -> None:
        """`integrations` are the names the catalog knows."""
        self._unit_of_work = unit_of_work
        self._announcer = announcer
        self._revoker = revoker
        self._sealer = sealer
        self._integrations = tuple(integrations)

    async def create(
        self,
        caller: AdminPrincipal,
        *,
        integration: str,
        name: str,
        api_key: str,
        tenant_id: str | None,
        once: Once[Account] = ANEW,
    ) -> Account:
        """Store a key under a name."""
        if integration not in self._integrations:
            text = f"must be one of: {', '.join(self._integrations)}"
            raise InvalidInputError("integration " + text, [Problem("integration", text, allowed=self._integrations)])
        account_id = ids.new_id(ids.ACCOUNT)
        async with self._unit_of_work(caller.tenant_id) as stores:
            await once.begin(stores, caller)
            owner = await resolve_tenant(stores, caller, tenant_id)
            account = await stores.accounts.add(
                owner,
                account_id,
                integration=integration,
                name=name,
                sealed_api_key=self._sealer.seal(api_key, key_context(owner, account_id)),
                hint=_hint(api_key),
            )
            await once.keep(stores, owner, account)
            await stores.audit.record(change(caller.actor, AuditAction.ACCOUNT_CREATE, after=account))
        return account

    async def get(self, caller: AdminPrincipal, account_id: str) -> Account:
        """One account.

        Raises:
            NotFoundError: there is none with this id, or it is another tenant's.
        """
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            return found(await stores.accounts.get(tenant_id, account_id))

    async def list_page(self, caller: AdminPrincipal, *, limit: int, after: str | None) -> Page[Account]:
        """Newest first."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            if caller.tenant_id is None:
                return await stores.across_tenants.list_accounts(limit=limit, after=after)
            return await stores.accounts.list_page(caller.tenant_id, limit=limit, after=after)

    async def update(
        self,
        caller: AdminPrincipal,
        account_id: str,
        *,
        name: str | None,
        api_key: str | None,
        expected_version: int | None,
    ) -> Account:
        """Set the name, the key, or both; None leaves it. A new key holds for the next call of every server."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            account = found(await stores.accounts.get(tenant_id, account_id, lock=True))
            check_version(expected_version, account.version)
            values: dict[str, Any] = {} if name is None else {"name": name}
            if api_key is not None:
                values["sealed_api_key"] = self._sealer.seal(api_key, key_context(account.tenant_id, account.id))
                values["credentials_hint"] = _hint(api_key)
            if not values:
                return account
            changed = found(await stores.accounts.update(tenant_id, account_id, values))
            events = await stores.servers.touch_account(account.tenant_id, account.id) if api_key is not None else []
            notes = {"credentials_replaced": True} if api_key is not None else {}
            await stores.audit.record(
                change(caller.actor, AuditAction.ACCOUNT_UPDATE, before=account, after=changed, notes=notes)
            )
        await self._announcer.announce(events)
        return changed

    async def delete(self, caller: AdminPrincipal, account_id: str, *, expected_version: int | None) -> Receipt:
        """Delete the account with its key and its servers; their tokens are dead from the commit on."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            account = found(await stores.accounts.get(tenant_id, account_id, lock=True))
            check_version(expected_version, account.version)
            servers, events = await stores.servers.delete_all(account.tenant_id, account.id)
            await stores.accounts.delete(account.tenant_id, account.id)
            notes = {"servers_deleted": len(servers)}
            await stores.audit.record(change(caller.actor, AuditAction.ACCOUNT_DELETE, before=account, notes=notes))
        return await self._revoker.revoke(events)


def found(account: Account | None) -> Account:
    """The account.

    Raises:
        NotFoundError: there is none.
    """
    if account is None:
        raise NotFoundError("there is no such integrated account")
    return account


def _hint(api_key: str) -> str:
    # A short key would be told whole by its last four characters.
    return api_key[-HINT_LENGTH:] if len(api_key) > 2 * HINT_LENGTH else ""
