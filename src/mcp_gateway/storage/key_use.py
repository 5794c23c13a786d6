"""Which encryption keys the rows need, and moving rows from old keys to the current one while everything serves."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, Table, func, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.kit.sealing import KEY_ID, Sealer, SealError
from mcp_gateway.models.accounts import key_context
from mcp_gateway.models.audit import SYSTEM, AuditAction, AuditEntry
from mcp_gateway.models.idempotency import answer_context
from mcp_gateway.models.keys import RotationReport
from mcp_gateway.schema.tables import audit_heads as heads
from mcp_gateway.schema.tables import idempotency_keys as answers
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


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A table with sealed values."""

    table: Table
    position: ColumnElement[Any]
    """What its rows are walked through by."""
    value: ColumnElement[bytes]
    context: Callable[[Row[Any]], tuple[str, ...]]
    """What a row's value is bound to."""
    needed: ColumnElement[bool]
    """Rows whose value somebody may still ask for."""


_KEYS = _Sealed(
    accounts, accounts.c.id, accounts.c.sealed_api_key, lambda row: key_context(row.tenant_id, row.position), true()
)
_ANSWERS = _Sealed(
    answers,
    answers.c.key_digest,
    answers.c.sealed_answer,
    lambda row: answer_context(row.tenant_id, row.position),
    answers.c.expires_at > func.now(),
)


class KeyRotation:
    """Seals every row anew with the current key; may be run again at any time, and stopped at any time."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, chain: HashChain) -> None:
        """`engine` is the owner's, who sees every tenant's rows."""
        self._engine = engine
        self._sealer = sealer
        self._chain = chain
        self._signed: set[str] = set()
        """Tenants whose chain has a row of this run."""

    async def run(self) -> RotationReport:
        """What was done, and what is left: rows that do not open, and those sealed with an old key meanwhile."""
        with storage_faults():
            resealed, unopenable = await self._reseal_all(_KEYS)
            answers_resealed, lost_answers = await self._reseal_all(_ANSWERS)
            await self._sign_chains()
            left = await self._left(_KEYS) + await self._left(_ANSWERS)
        return RotationReport(
            self._sealer.key_id,
            resealed + answers_resealed,
            left,
            tuple(unopenable),
            len(self._signed),
            unopenable_answers=len(lost_answers),
        )

    def _is_old(self, sealed: _Sealed) -> ColumnElement[bool]:
        return (func.public.sealed_key_id(sealed.value) != self._sealer.key_id) & sealed.needed

    async def _left(self, sealed: _Sealed) -> int:
        query = select(func.count()).select_from(sealed.table).where(self._is_old(sealed))
        async with self._engine.connect() as connection:
            return int(await connection.scalar(query) or 0)

    async def _reseal_all(self, sealed: _Sealed) -> tuple[int, list[str]]:
        """How many rows were, and the positions of those that do not open."""
        resealed, unopenable, position = 0, [], None
        query = (
            select(sealed.table.c.tenant_id, sealed.position.label("position"), sealed.value.label("value"))
            .where(self._is_old(sealed))
            .order_by(sealed.position)
            .limit(BATCH)
        )
        while rows := await self._read(query if position is None else query.where(sealed.position > position)):
            position = rows[-1].position
            replaced: Counter[str] = Counter()
            async with self._engine.begin() as connection:
                for row in rows:
                    context = sealed.context(row)
                    try:
                        value = self._sealer.seal_bytes(self._sealer.open_bytes(row.value, context), context)
                    except SealError as exc:
                        logger.warning("key_rotation.unopenable", row=str(row.position), reason=str(exc))
                        unopenable.append(str(row.position))
                    else:
                        replaced[row.tenant_id] += await self._replace(connection, sealed, row, value)
                if sealed is _KEYS:
                    await self._record(connection, replaced)
            resealed += replaced.total()
        return resealed, unopenable

    async def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows

    async def _replace(self, connection: AsyncConnection, sealed: _Sealed, row: Row[Any], value: bytes) -> bool:
        """False when the value was replaced or its row deleted meanwhile: that stands."""
        result = await connection.execute(
            update(sealed.table)
            .where(
                sealed.table.c.tenant_id == row.tenant_id, sealed.position == row.position, sealed.value == row.value
            )
            .values({sealed.value: value})
        )
        if result.rowcount and sealed is _KEYS:
            # Copies in processes and in Redis hold the old form; the replicas deliver these events.
            await ServerStore(connection).touch_account(row.tenant_id, row.position)
        return bool(result.rowcount)

    async def _record(self, connection: AsyncConnection, replaced: Counter[str]) -> None:
        """A row in the chain of each tenant whose keys were sealed anew, in the transaction that did it."""
        counts = {tenant_id: count for tenant_id, count in replaced.items() if count}
        entries = [self._entry(tenant_id, {"keys_sealed": count}) for tenant_id, count in counts.items()]
        await AuditStore(connection, self._chain).record(*entries)
        self._signed.update(counts)

    async def _sign_chains(self) -> None:
        """A row in every audit chain whose newest is signed with another key: it vouches for all before it."""
        of_old_key = select(heads.c.tenant_id).where(heads.c.key_id != self._chain.key_id)
        async with self._engine.connect() as connection:
            tenants = (await connection.scalars(of_old_key.order_by(heads.c.tenant_id))).all()
        for tenant_id in tenants:
            async with self._engine.begin() as connection:
                # Looked at again once it is ours: another change, or another run, may have signed it meanwhile.
                one = of_old_key.where(heads.c.tenant_id == tenant_id).with_for_update()
                if await connection.scalar(one) is not None:
                    await AuditStore(connection, self._chain).record(self._entry(tenant_id, {}))
                    self._signed.add(tenant_id)

    def _entry(self, tenant_id: str, notes: Mapping[str, int]) -> AuditEntry:
        return AuditEntry(
            tenant_id=tenant_id,
            actor=SYSTEM,
            action=AuditAction.KEYS_ROTATE,
            object_id=self._chain.key_id,
            before=None,
            after={"key_id": self._chain.key_id, **notes},
            request_id=None,
        )
