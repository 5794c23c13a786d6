"""MCP servers in Postgres; every change of what a token stands for leaves an outbox row in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Row, Select, Text, any_, insert, literal, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.models.servers import ClientInfo, Server, ServerConfig
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.schema.tables import integrated_accounts as accounts
from mcp_gateway.schema.tables import mcp_servers as servers
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.outbox import record_events
from mcp_gateway.storage.retiring_tokens import RetiringTokenStore
from mcp_gateway.storage.rows import changed, expired, fetch_page, unexpired

_Token = tuple[str, bytes, int]
"""A server's id, the digest of its present token, and the server's version."""

PUBLIC = tuple(column for column in servers.c if column.name not in {"token_digest", "token_hint"})


def _server(row: Row[Any]) -> Server:
    return Server(
        id=row.id,
        tenant_id=row.tenant_id,
        account_id=row.account_id,
        name=row.name,
        config=row.config,
        expires_at=row.expires_at,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_used_at=row.last_used_at,
        last_client=None
        if row.last_client_name is None
        else ClientInfo(row.last_client_name, row.last_client_version or ""),
    )


class ServerStore:
    """Reads and writes MCP servers; the tenant comes first in every method."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._retiring = RetiringTokenStore(connection)

    async def add(
        self,
        tenant_id: str,
        account_id: str,
        server_id: str,
        *,
        name: str,
        config: dict[str, Any],
        token_digest: bytes,
        token_hint: str,
        expires_at: datetime | None,
    ) -> Server:
        """Insert. A digest nobody ever used needs no outbox row."""
        values = {
            "id": server_id,
            "tenant_id": tenant_id,
            "account_id": account_id,
            "name": name,
            "config": config,
            "token_digest": token_digest,
            "token_hint": token_hint,
            "expires_at": expires_at,
        }
        with storage_faults():
            result = await self._connection.execute(insert(servers).values(values).returning(*PUBLIC))
        return _server(result.one())

    async def get(self, tenant_id: str, account_id: str, server_id: str, *, lock: bool = False) -> Server | None:
        """By id within its account; an expired one is gone."""
        query = select(*PUBLIC).where(*self._one(tenant_id, account_id, server_id))
        if lock:
            query = query.with_for_update()
        with storage_faults():
            result = await self._connection.execute(query)
        row = result.one_or_none()
        return _server(row) if row else None

    async def list_page(self, tenant_id: str, account_id: str, *, limit: int, after: str | None) -> Page[Server]:
        """Of one account, newest first, without expired ones."""
        query = select(*PUBLIC).where(
            servers.c.tenant_id == tenant_id, servers.c.account_id == account_id, unexpired(servers)
        )
        return await fetch_page(self._connection, query, servers, limit=limit, after=after, convert=_server)

    async def update(
        self, tenant_id: str, account_id: str, server_id: str, values: dict[str, Any]
    ) -> tuple[Server, list[TokenEvent]] | None:
        """Set some of name, config, expires_at; None when there is no such server."""
        with storage_faults():
            result = await self._connection.execute(
                update(servers)
                .where(*self._one(tenant_id, account_id, server_id))
                .values(**values, **changed(servers))
                .returning(*PUBLIC, servers.c.token_digest)
            )
        row = result.one_or_none()
        if row is None:
            return None
        return _server(row), await self._record_all(tenant_id, [(row.id, row.token_digest, row.version)], dead=False)

    async def count_retiring(self, tenant_id: str, server_id: str) -> int:
        """How many replaced tokens of the server still work."""
        return await self._retiring.count(tenant_id, server_id)

    async def rotate(
        self, server: Server, *, token_digest: bytes, token_hint: str, old_until: datetime | None
    ) -> tuple[Server, list[TokenEvent]]:
        """Give a server that is locked another token; the present one works until then, or no more with None."""
        one = self._one(server.tenant_id, server.account_id, server.id)
        with storage_faults():
            old: bytes = (await self._connection.execute(select(servers.c.token_digest).where(*one))).scalar_one()
        if old_until is not None:
            await self._retiring.add_current(server.tenant_id, server.id, expires_at=old_until)
        values = {"token_digest": token_digest, "token_hint": token_hint, **changed(servers)}
        with storage_faults():
            result = await self._connection.execute(update(servers).where(*one).values(values).returning(*PUBLIC))
        row = result.one()
        return _server(row), await self._record([(old, row.version)], dead=old_until is None)

    async def touch_account(self, tenant_id: str, account_id: str) -> list[TokenEvent]:
        """The account changed: raise the version of all its servers."""
        with storage_faults():
            result = await self._connection.execute(
                update(servers)
                .where(servers.c.tenant_id == tenant_id, servers.c.account_id == account_id)
                .values(version=servers.c.version + 1)
                .returning(servers.c.id, servers.c.token_digest, servers.c.version)
            )
        touched = [(row.id, row.token_digest, row.version) for row in result.all()]
        return await self._record_all(tenant_id, touched, dead=False)

    async def delete(self, tenant_id: str, account_id: str, server_id: str) -> list[TokenEvent]:
        """Delete one; an empty list when there is no such server."""
        _deleted, events = await self._delete(tenant_id, *self._one(tenant_id, account_id, server_id))
        return events

    async def delete_all(self, tenant_id: str, account_id: str | None = None) -> tuple[list[Server], list[TokenEvent]]:
        """Delete every server of the account, or of the tenant; what they were."""
        where = [servers.c.tenant_id == tenant_id]
        if account_id is not None:
            where.append(servers.c.account_id == account_id)
        return await self._delete(tenant_id, *where)

    async def delete_expired(self, tenant_id: str, limit: int) -> tuple[list[Server], list[TokenEvent]]:
        """Delete servers of the tenant past their expiry, and what they were; used by the sweep alone."""
        query = select(servers.c.id).where(servers.c.tenant_id == tenant_id, expired(servers))
        ids = query.limit(limit).with_for_update(skip_locked=True)
        return await self._delete(tenant_id, servers.c.tenant_id == tenant_id, servers.c.id.in_(ids.scalar_subquery()))

    async def delete_expired_retiring(self, tenant_id: str, limit: int) -> list[TokenEvent]:
        """Forget replaced tokens of the tenant whose overlap has ended; used by the sweep alone."""
        return await self._record(await self._retiring.delete_expired(tenant_id, limit), dead=True)

    async def find_by_digest(self, tenant_id: str, digest: bytes) -> ServerPrincipal | None:
        """What a token of the tenant stands for; an expired one is gone."""
        row, until = await self._with_key(tenant_id, servers.c.token_digest == digest), None
        if row is None:
            retiring = await self._retiring.find(tenant_id, digest)
            if retiring is None:
                return None
            server_id, until = retiring
            row = await self._with_key(tenant_id, servers.c.id == server_id)
        if row is None:
            return None
        ends = [end for end in (row.expires_at, until) if end is not None]
        return ServerPrincipal(
            server_id=row.id,
            tenant_id=row.tenant_id,
            account_id=row.account_id,
            integration=row.integration,
            name=row.name,
            config=ServerConfig.from_dict(row.config),
            sealed_api_key=row.sealed_api_key,
            expires_at=min(ends, default=None),
            version=row.version,
            token_digest=digest,
        )

    async def _with_key(self, tenant_id: str, which: ColumnElement[bool]) -> Row[Any] | None:
        query: Select[Any] = (
            select(*PUBLIC, accounts.c.integration, accounts.c.sealed_api_key)
            .join(accounts, (accounts.c.tenant_id == servers.c.tenant_id) & (accounts.c.id == servers.c.account_id))
            .where(servers.c.tenant_id == tenant_id, which, unexpired(servers))
        )
        with storage_faults():
            row: Row[Any] | None = (await self._connection.execute(query)).one_or_none()
        return row

    def _one(self, tenant_id: str, account_id: str, server_id: str) -> tuple[ColumnElement[bool], ...]:
        return (
            servers.c.tenant_id == tenant_id,
            servers.c.account_id == account_id,
            servers.c.id == server_id,
            unexpired(servers),
        )

    async def _delete(self, tenant_id: str, *where: ColumnElement[bool]) -> tuple[list[Server], list[TokenEvent]]:
        with storage_faults():
            # Locked first, so that no token is replaced between the two deletions.
            rows = (await self._connection.execute(select(servers).where(*where).with_for_update())).all()
        events = await self._record_all(tenant_id, [(row.id, row.token_digest, row.version) for row in rows], dead=True)
        ids = [row.id for row in rows]
        await self._retiring.delete(tenant_id, ids)
        with storage_faults():
            await self._connection.execute(
                sql_delete(servers).where(
                    servers.c.tenant_id == tenant_id, servers.c.id == any_(literal(ids, ARRAY(Text)))
                )
            )
        return [_server(row) for row in rows], events

    async def _record_all(self, tenant_id: str, changes: Sequence[_Token], *, dead: bool) -> list[TokenEvent]:
        """Of all the tokens the servers have, the replaced ones included."""
        if not changes:
            return []
        replaced = await self._retiring.digests(tenant_id, [server_id for server_id, _, _ in changes])
        tokens = [
            (digest, version)
            for server_id, present, version in changes
            for digest in (present, *replaced.get(server_id, ()))
        ]
        return await self._record(tokens, dead=dead)

    async def _record(self, tokens: list[tuple[bytes, int]], *, dead: bool) -> list[TokenEvent]:
        return await record_events(self._connection, TokenKind.SERVER, tokens, dead=dead)
