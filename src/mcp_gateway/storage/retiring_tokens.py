"""MCP tokens that were replaced by a rotation and work on until their overlap has ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, DateTime, Text, any_, delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.schema.tables import mcp_servers as servers
from mcp_gateway.schema.tables import retiring_server_tokens as retiring
from mcp_gateway.storage.database import storage_faults


class RetiringTokenStore:
    """Reads and writes them; used by the store of servers alone, which tells everybody of each change."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_current(self, tenant_id: str, server_id: str, *, expires_at: datetime) -> None:
        """Keep the server's present token until then; the server gets another one in the same transaction."""
        ends = literal(expires_at, DateTime(timezone=True))
        present = select(servers.c.token_digest, servers.c.tenant_id, servers.c.id, servers.c.token_hint, ends).where(
            servers.c.tenant_id == tenant_id, servers.c.id == server_id
        )
        columns = ["token_digest", "tenant_id", "server_id", "token_hint", "expires_at"]
        with storage_faults():
            await self._connection.execute(insert(retiring).from_select(columns, present))

    async def count(self, tenant_id: str, server_id: str) -> int:
        """How many of one server still work."""
        query = select(func.count()).where(
            retiring.c.tenant_id == tenant_id, retiring.c.server_id == server_id, retiring.c.expires_at > func.now()
        )
        with storage_faults():
            return (await self._connection.execute(query)).scalar_one()

    async def digests(self, tenant_id: str, server_ids: Sequence[str]) -> dict[str, list[bytes]]:
        """Of these servers, by server; expired ones too, for all that is done with them is to forget them."""
        query = select(retiring.c.server_id, retiring.c.token_digest).where(*_of(tenant_id, server_ids))
        with storage_faults():
            rows = (await self._connection.execute(query)).all()
        found: dict[str, list[bytes]] = {}
        for row in rows:
            found.setdefault(row.server_id, []).append(row.token_digest)
        return found

    async def find(self, tenant_id: str, digest: bytes) -> tuple[str, datetime] | None:
        """The server a token belongs to, and when it ends; None when it is no such token, or has ended."""
        query = select(retiring.c.server_id, retiring.c.expires_at).where(
            retiring.c.tenant_id == tenant_id, retiring.c.token_digest == digest, retiring.c.expires_at > func.now()
        )
        with storage_faults():
            row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (row.server_id, row.expires_at)

    async def delete(self, tenant_id: str, server_ids: Sequence[str]) -> None:
        """Forget all of these servers."""
        with storage_faults():
            await self._connection.execute(delete(retiring).where(*_of(tenant_id, server_ids)))

    async def delete_expired(self, tenant_id: str, limit: int) -> list[tuple[bytes, int]]:
        """Forget those of the tenant that have ended; their digests, each with its server's version."""
        ended = select(retiring.c.token_digest).where(
            retiring.c.tenant_id == tenant_id, retiring.c.expires_at <= func.now()
        )
        query = (
            delete(retiring)
            .where(
                retiring.c.token_digest.in_(ended.limit(limit).with_for_update(skip_locked=True).scalar_subquery()),
                servers.c.tenant_id == retiring.c.tenant_id,
                servers.c.id == retiring.c.server_id,
            )
            .returning(retiring.c.token_digest, servers.c.version)
        )
        with storage_faults():
            rows = (await self._connection.execute(query)).all()
        return [(row.token_digest, row.version) for row in rows]


def _of(tenant_id: str, server_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    # One array: an account may have more servers than a statement may have parameters.
    listed = literal(list(server_ids), ARRAY(Text))
    return retiring.c.tenant_id == tenant_id, retiring.c.server_id == any_(listed)
