"""Changes of tokens that Redis and the replicas have not been told yet; written in the transaction of the change."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, exists, func, insert, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncConnection

from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.schema.tables import token_outbox as outbox
from mcp_gateway.storage.database import storage_faults


def _event(row: Row[Any]) -> TokenEvent:
    return TokenEvent(
        outbox_id=row.id, kind=TokenKind(row.kind), digest=row.token_digest, version=row.version, dead=row.dead
    )


async def record_events(
    connection: AsyncConnection, kind: TokenKind, tokens: Iterable[tuple[bytes, int]], *, dead: bool
) -> list[TokenEvent]:
    """Write one row per (digest, version), in the caller's transaction."""
    values = [
        {"kind": kind.value, "token_digest": digest, "version": version, "dead": dead} for digest, version in tokens
    ]
    if not values:
        return []
    with storage_faults():
        result = await connection.execute(insert(outbox).returning(outbox), values)
    return [_event(row) for row in result.all()]


class OutboxStore:
    """Reads and empties the outbox."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, limit: int) -> Sequence[TokenEvent]:
        """The oldest events, held by this transaction; what another replica holds is passed over."""
        query = select(outbox).order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
        with storage_faults():
            result = await self._connection.execute(query)
        return [_event(row) for row in result.all()]

    async def newest(self) -> int | None:
        """Id of the newest event, also of those another transaction holds; None when there is none."""
        with storage_faults():
            newest: int | None = await self._connection.scalar(select(func.max(outbox.c.id)))
        return newest

    async def holds_up_to(self, outbox_id: int) -> bool:
        """Whether an event as old as this one or older is still there."""
        with storage_faults():
            return bool(await self._connection.scalar(select(exists().where(outbox.c.id <= outbox_id))))

    async def delete(self, outbox_ids: Sequence[int]) -> None:
        """Forget events that were delivered."""
        with storage_faults():
            await self._connection.execute(sql_delete(outbox).where(outbox.c.id.in_(outbox_ids)))
