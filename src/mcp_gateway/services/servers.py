"""MCP servers: one POST makes a secret URL."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.exceptions import InvalidInputError, NotFoundError, Problem
from mcp_gateway.kit import ids, tokens
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.accounts import Account
from mcp_gateway.models.audit import AuditAction
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.models.revocation import Receipt
from mcp_gateway.models.servers import Server
from mcp_gateway.services.accounts import found as found_account
from mcp_gateway.services.auditing import change
from mcp_gateway.services.checks import check_expiry, check_version
from mcp_gateway.services.idempotency import ANEW, Once
from mcp_gateway.services.revocation import Revoker
from mcp_gateway.services.tenancy import enter_account
from mcp_gateway.services.tool_sets import ToolSets
from mcp_gateway.storage.announcer import TokenAnnouncer
from mcp_gateway.storage.uow import UnitOfWorkFactory

MAX_RETIRING = 10
"""Replaced tokens of one server that work at a time."""


@dataclass(frozen=True, slots=True)
class CreatedServer:
    """A new server with its secret, which is told this once."""

    server: Server
    token: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RotatedServer(CreatedServer):
    """A server with the secret that takes the place of another."""

    previous_until: datetime
    """The old token is refused from then on."""
    receipt: Receipt | None
    """Of the old token's revocation; None when it works on for a while."""


@dataclass(frozen=True, slots=True)
class ServerChanges:
    """What a PATCH sets; `config` holds the top-level keys to merge, None among their values removing a key."""

    name: str | None = None
    config: dict[str, Any] | None = None
    sets_expiry: bool = False
    expires_at: datetime | None = None


class ServerService:
    """Creates, lists, changes and deletes MCP servers of an account."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        announcer: TokenAnnouncer,
        revoker: Revoker,
        tool_sets: ToolSets,
        clock: Clock,
        public_url: str,
    ) -> None:
        """`public_url` is what URLs are built from."""
        self._unit_of_work = unit_of_work
        self._announcer = announcer
        self._revoker = revoker
        self._tool_sets = tool_sets
        self._clock = clock
        self._public_url = public_url

    async def create(
        self,
        caller: AdminPrincipal,
        account_id: str,
        *,
        name: str,
        config: dict[str, Any],
        expires_at: datetime | None,
        once: Once[CreatedServer] = ANEW,
    ) -> CreatedServer:
        """A new server; nothing is written when the filters are wrong or leave no tool."""
        minted = tokens.mint(MCP_TOKEN_PREFIX)
        async with self._unit_of_work(caller.tenant_id) as stores:
            await once.begin(stores, caller)
            tenant_id = await enter_account(stores, caller, account_id)
            # Held from the top down, as a deletion locks them: a kept answer refers to the tenant. And held, so that
            # the account cannot be deleted while a server is being added to it.
            await stores.tenants.hold(tenant_id)
            account = found_account(await stores.accounts.hold(tenant_id, account_id))
            check_expiry(expires_at, self._clock)
            self._check_config(account, config)
            server = await stores.servers.add(
                account.tenant_id,
                account.id,
                ids.new_id(ids.SERVER),
                name=name,
                config=config,
                token_digest=minted.digest,
                token_hint=minted.hint,
                expires_at=expires_at,
            )
            created = CreatedServer(server=server, token=minted.token, url=self._url(minted.token))
            await once.keep(stores, tenant_id, created)
            await stores.audit.record(change(caller.actor, AuditAction.SERVER_CREATE, after=server))
        return created

    async def get(self, caller: AdminPrincipal, account_id: str, server_id: str) -> Server:
        """One server.

        Raises:
            NotFoundError: there is none with this id in this account, it expired, or it is another tenant's.
        """
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            found_account(await stores.accounts.get(tenant_id, account_id))
            return _found(await stores.servers.get(tenant_id, account_id, server_id))

    async def list_page(
        self, caller: AdminPrincipal, account_id: str, *, limit: int, after: str | None
    ) -> Page[Server]:
        """Newest first."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            found_account(await stores.accounts.get(tenant_id, account_id))
            return await stores.servers.list_page(tenant_id, account_id, limit=limit, after=after)

    async def update(
        self,
        caller: AdminPrincipal,
        account_id: str,
        server_id: str,
        changes: ServerChanges,
        *,
        expected_version: int | None,
    ) -> Server:
        """Merge the changes; they hold for the next call on every replica within a second."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            account = found_account(await stores.accounts.get(tenant_id, account_id))
            server = _found(await stores.servers.get(tenant_id, account_id, server_id, lock=True))
            check_version(expected_version, server.version)
            values = self._values(account, server, changes)
            if not values:
                return server
            updated = await stores.servers.update(tenant_id, account_id, server_id, values)
            if updated is None:
                raise NotFoundError("there is no such MCP server")
            changed, events = updated
            await stores.audit.record(change(caller.actor, AuditAction.SERVER_UPDATE, before=server, after=changed))
        await self._announcer.announce(events)
        return changed

    async def rotate(
        self,
        caller: AdminPrincipal,
        account_id: str,
        server_id: str,
        *,
        overlap_seconds: int,
        expected_version: int | None,
        once: Once[RotatedServer] = ANEW,
    ) -> RotatedServer:
        """Replace the token; the old one works until the overlap ends, and those replaced earlier as was promised.

        Raises:
            InvalidInputError: too many replaced tokens still work for there to be another one.
        """
        minted = tokens.mint(MCP_TOKEN_PREFIX)
        async with self._unit_of_work(caller.tenant_id) as stores:
            await once.begin(stores, caller)
            tenant_id = await enter_account(stores, caller, account_id)
            # Held from the top down, as above; so that the account is not deleted, or its key replaced, without this
            # server's old token.
            await stores.tenants.hold(tenant_id)
            found_account(await stores.accounts.hold(tenant_id, account_id))
            server = _found(await stores.servers.get(tenant_id, account_id, server_id, lock=True))
            check_version(expected_version, server.version)
            if overlap_seconds and await stores.servers.count_retiring(tenant_id, server_id) >= MAX_RETIRING:
                text = f"must be 0 while {MAX_RETIRING} earlier tokens of this server are within their overlap"
                raise InvalidInputError("overlap_seconds " + text, [Problem("overlap_seconds", text)])
            until = self._clock.now() + timedelta(seconds=overlap_seconds)
            rotated, events = await stores.servers.rotate(
                server,
                token_digest=minted.digest,
                token_hint=minted.hint,
                old_until=until if overlap_seconds else None,
            )
            ends = until if server.expires_at is None else min(until, server.expires_at)
            answer = RotatedServer(rotated, minted.token, self._url(minted.token), ends, None)
            await once.keep(stores, tenant_id, answer)
            notes = {"previous_token_expires_at": ends.isoformat()}
            entry = change(caller.actor, AuditAction.SERVER_ROTATE, before=server, after=rotated, notes=notes)
            await stores.audit.record(entry)
        if overlap_seconds:
            await self._announcer.announce(events)
            return answer
        receipt = await self._revoker.revoke(events)
        answer = replace(answer, previous_until=receipt.revoked_at, receipt=receipt)
        await once.complete(tenant_id, answer)
        return answer

    async def delete(
        self, caller: AdminPrincipal, account_id: str, server_id: str, *, expected_version: int | None
    ) -> Receipt:
        """Delete one; its token is dead from the commit on."""
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            found_account(await stores.accounts.get(tenant_id, account_id))
            server = _found(await stores.servers.get(tenant_id, account_id, server_id, lock=True))
            check_version(expected_version, server.version)
            events = await stores.servers.delete(tenant_id, account_id, server_id)
            if not events:  # it expired since it was read
                raise NotFoundError("there is no such MCP server")
            await stores.audit.record(change(caller.actor, AuditAction.SERVER_DELETE, before=server))
        return await self._revoker.revoke(events)

    def _url(self, token: str) -> str:
        return f"{self._public_url}/mcp/{token}"

    def _values(self, account: Account, server: Server, changes: ServerChanges) -> dict[str, Any]:
        values: dict[str, Any] = {} if changes.name is None else {"name": changes.name}
        if changes.sets_expiry:
            check_expiry(changes.expires_at, self._clock)
            values["expires_at"] = changes.expires_at
        if changes.config is not None:
            merged = {**server.config, **changes.config}
            config = {key: value for key, value in merged.items() if value is not None}
            self._check_config(account, config)
            values["config"] = config
        return values

    def _check_config(self, account: Account, config: dict[str, Any]) -> None:
        self._tool_sets.check(account.integration, config.get("methods"), config.get("tags"))


def _found(server: Server | None) -> Server:
    if server is None:
        raise NotFoundError("there is no such MCP server")
    return server
