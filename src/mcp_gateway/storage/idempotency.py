"""Answers kept for requests with an `Idempotency-Key`, sealed; written in the transaction of the change."""

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.schema.tables import idempotency_keys as kept
from mcp_gateway.storage.database import storage_faults

KEPT = text("interval '24 hours'")
"""How long an answer is kept, by the database's clock."""


class IdempotencyStore:
    """Reads and writes kept answers; the tenant comes first in every method."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, tenant_id: str, key_digest: bytes) -> bytes | None:
        """The sealed answer; None when there is none, or it was kept long enough."""
        query = select(kept.c.sealed_answer).where(
            kept.c.tenant_id == tenant_id, kept.c.key_digest == key_digest, kept.c.expires_at > func.now()
        )
        with storage_faults():
            found: bytes | None = await self._connection.scalar(query)
        return found

    async def add(self, tenant_id: str, key_digest: bytes, sealed_answer: bytes) -> None:
        """Keep an answer; one that was kept long enough makes room."""
        values = {"tenant_id": tenant_id, "key_digest": key_digest, "sealed_answer": sealed_answer}
        with storage_faults():
            await self._connection.execute(
                sql_delete(kept).where(kept.c.tenant_id == tenant_id, kept.c.key_digest == key_digest)
            )
            await self._connection.execute(insert(kept).values(**values, expires_at=func.now() + KEPT))

    async def replace(self, tenant_id: str, key_digest: bytes, sealed_answer: bytes) -> None:
        """Another form of the answer that is kept."""
        with storage_faults():
            await self._connection.execute(
                update(kept)
                .where(kept.c.tenant_id == tenant_id, kept.c.key_digest == key_digest)
                .values(sealed_answer=sealed_answer)
            )
