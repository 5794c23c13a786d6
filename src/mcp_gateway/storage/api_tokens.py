"""API tokens in Postgres."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.models.api_tokens import ApiToken, Scope
from mcp_gateway.models.pages import Page
from mcp_gateway.models.principals import ApiTokenPrincipal
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.schema.tables import api_tokens
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.outbox import record_events
from mcp_gateway.storage.rows import expired, fetch_page, unexpired

PUBLIC = tuple(column for column in api_tokens.c if column.name != "token_digest")


def to_api_token(row: Row[Any]) -> ApiToken:
    """An API token out of its row."""
    return ApiToken(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        token_hint=row.token_hint,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        expires_at=row.expires_at,
        created_at=row.created_at,
    )


class ApiTokenStore:
    """Reads and writes API tokens; the tenant comes first in every method."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        tenant_id: str,
        token_id: str,
        *,
        name: str,
        token_digest: bytes,
        token_hint: str,
        scopes: Iterable[Scope],
        expires_at: datetime | None,
    ) -> ApiToken:
        """Insert."""
        values = {
            "id": token_id,
            "tenant_id": tenant_id,
            "name": name,
            "token_digest": token_digest,
            "token_hint": token_hint,
            "scopes": sorted(scope.value for scope in scopes),
            "expires_at": expires_at,
        }
        with storage_faults():
            result = await self._connection.execute(insert(api_tokens).values(values).returning(*PUBLIC))
        return to_api_token(result.one())

    async def get(self, tenant_id: str, token_id: str, *, lock: bool = False) -> ApiToken | None:
        """By id; an expired one is gone."""
        query = select(*PUBLIC).where(
            api_tokens.c.tenant_id == tenant_id, api_tokens.c.id == token_id, unexpired(api_tokens)
        )
        if lock:
            query = query.with_for_update()
        with storage_faults():
            result = await self._connection.execute(query)
        row = result.one_or_none()
        return to_api_token(row) if row else None

    async def list_page(self, tenant_id: str, *, limit: int, after: str | None) -> Page[ApiToken]:
        """Newest first, without expired ones."""
        query = select(*PUBLIC).where(api_tokens.c.tenant_id == tenant_id, unexpired(api_tokens))
        return await fetch_page(self._connection, query, api_tokens, limit=limit, after=after, convert=to_api_token)

    async def delete(self, tenant_id: str, token_id: str) -> list[TokenEvent]:
        """Delete one; an empty list when there is no such token."""
        where = (api_tokens.c.tenant_id == tenant_id, api_tokens.c.id == token_id, unexpired(api_tokens))
        _deleted, events = await self._delete(*where)
        return events

    async def delete_all(self, tenant_id: str) -> list[TokenEvent]:
        """Delete every token of the tenant."""
        _deleted, events = await self._delete(api_tokens.c.tenant_id == tenant_id)
        return events

    async def delete_expired(self, tenant_id: str, limit: int) -> tuple[list[ApiToken], list[TokenEvent]]:
        """Delete tokens of the tenant past their expiry, and what they were; used by the sweep alone."""
        query = select(api_tokens.c.id).where(api_tokens.c.tenant_id == tenant_id, expired(api_tokens))
        ids = query.limit(limit).with_for_update(skip_locked=True)
        return await self._delete(api_tokens.c.tenant_id == tenant_id, api_tokens.c.id.in_(ids.scalar_subquery()))

    async def find_by_digest(self, tenant_id: str, digest: bytes) -> ApiTokenPrincipal | None:
        """What a token of the tenant stands for; an expired one is gone."""
        query = select(*PUBLIC).where(
            api_tokens.c.tenant_id == tenant_id, api_tokens.c.token_digest == digest, unexpired(api_tokens)
        )
        with storage_faults():
            result = await self._connection.execute(query)
        row = result.one_or_none()
        if row is None:
            return None
        return ApiTokenPrincipal(
            token_id=row.id,
            tenant_id=row.tenant_id,
            scopes=frozenset(Scope(scope) for scope in row.scopes),
            expires_at=row.expires_at,
            version=row.version,
        )

    async def _delete(self, *where: ColumnElement[bool]) -> tuple[list[ApiToken], list[TokenEvent]]:
        with storage_faults():
            result = await self._connection.execute(sql_delete(api_tokens).where(*where).returning(api_tokens))
        rows = result.all()
        tokens = [(row.token_digest, row.version) for row in rows]
        events = await record_events(self._connection, TokenKind.API_TOKEN, tokens, dead=True)
        return [to_api_token(row) for row in rows], events
