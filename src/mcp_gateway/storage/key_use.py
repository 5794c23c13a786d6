"""Which encryption keys the rows need, and moving rows from old keys to the current one while everything serves."""

from collections.abc import Collection, Sequence

import structlog
from sqlalchemy import Row, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.kit.sealing import KEY_ID, Sealer, SealError
from mcp_gateway.models.accounts import key_context
from mcp_gateway.models.audit import SYSTEM, AuditAction, AuditEntry
from mcp_gateway.models.keys import RotationReport
from mcp_gateway.schema.tables import audit_heads as heads
from mcp_gateway.schema.tables import integrated_accounts as accounts
from mcp_gateway.storage.audit import AuditStore
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.servers import ServerStore

BATCH = 50
"""Rows of one transaction: few enough that nobody waits long for one of them."""

logger = structlog.get_logger(__name__)


async def check_keys(engine: AsyncEngine, configured: Collection[str]) -> None:
    """Refuse to serve without a key that a stored secret is sealed with.

    Raises:
        ConfigurationError: names the ids that are missing.
    """
    with storage_faults():
        async with engine.connect() as connection:
            used = (await connection.scalars(text("SELECT key_id FROM public.key_ids_in_use()"))).all()
    # What is no id at all was never sealed by a key: such a row fails closed by itself.
    missing = sorted(key_id for key_id in set(used) - set(configured) if KEY_ID.fullmatch(key_id))
    if missing:
        raise ConfigurationError(
            f"GATEWAY_ENCRYPTION_KEYS lacks {', '.join(missing)}, which stored secrets are sealed with: "
            "put it back behind the first one and run `mcp-gateway rotate-keys` before taking it out"
        )


class KeyRotation:
    """Seals every row anew with the current key; may be run again at any time, and stopped at any time."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, chain: HashChain) -> None:
        """`engine` is the owner's, who sees every tenant's rows."""
        self._engine = engine
        self._sealer = sealer
        self._chain = chain
        self._under_another_key = func.public.sealed_key_id(accounts.c.sealed_api_key) != sealer.key_id

    async def run(self) -> RotationReport:
        """What was done, and what is left: rows that do not open, and those sealed with an old key meanwhile."""
        resealed, after, unopenable = 0, "", []
        with storage_faults():
            while rows := await self._next(after):
                after = rows[-1].id
                done, failed = await self._reseal(rows)
                resealed += done
                unopenable += failed
            chains = await self._sign_chains()
            async with self._engine.connect() as connection:
                left = await connection.scalar(
                    select(func.count()).select_from(accounts).where(self._under_another_key)
                )
        return RotationReport(self._sealer.key_id, resealed, int(left or 0), tuple(unopenable), chains)

    async def _next(self, after: str) -> Sequence[Row[str, str, bytes]]:
        query = (
            select(accounts.c.id, accounts.c.tenant_id, accounts.c.sealed_api_key)
            .where(accounts.c.id > after, self._under_another_key)
            .order_by(accounts.c.id)
            .limit(BATCH)
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def _reseal(self, rows: Sequence[Row[str, str, bytes]]) -> tuple[int, list[str]]:
        """How many rows were, and the ids of those that do not open."""
        done, unopenable = 0, []
        async with self._engine.begin() as connection:
            for row in rows:
                context = key_context(row.tenant_id, row.id)
                try:
                    sealed = self._sealer.seal_bytes(self._sealer.open_bytes(row.sealed_api_key, context), context)
                except SealError as exc:
                    logger.warning("key_rotation.unopenable", account_id=row.id, reason=str(exc))
                    unopenable.append(row.id)
                else:
                    done += await self._replace(connection, row, sealed)
        return done, unopenable

    async def _replace(self, connection: AsyncConnection, row: Row[str, str, bytes], sealed: bytes) -> bool:
        """False when the key was replaced or its account deleted meanwhile: that stands."""
        result = await connection.execute(
            update(accounts)
            .where(accounts.c.id == row.id, accounts.c.sealed_api_key == row.sealed_api_key)
            .values(sealed_api_key=sealed)
        )
        if not result.rowcount:
            return False
        # Copies in processes and in Redis hold the old form; the replicas deliver these events.
        await ServerStore(connection).touch_account(row.tenant_id, row.id)
        return True

    async def _sign_chains(self) -> int:
        """A row in every audit chain whose newest is signed with another key: it vouches for all before it."""
        query = select(heads.c.tenant_id, heads.c.key_id).where(heads.c.key_id != self._chain.key_id)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.order_by(heads.c.tenant_id))).all()
        for row in rows:
            async with self._engine.begin() as connection:
                await AuditStore(connection, self._chain).record(self._entry(row.tenant_id, row.key_id))
        return len(rows)

    def _entry(self, tenant_id: str, old_key_id: str) -> AuditEntry:
        return AuditEntry(
            tenant_id=tenant_id,
            actor=SYSTEM,
            action=AuditAction.KEYS_ROTATE,
            object_id=self._chain.key_id,
            before={"key_id": old_key_id},
            after={"key_id": self._chain.key_id},
            request_id=None,
        )
