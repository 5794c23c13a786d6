"""The audit log in Postgres: rows are added in the transaction of the change they tell of, and never touched again.

One chain per tenant (docs/adr/0007). The head of a chain is locked while a row is added, so the rows of a tenant stand
in the order of their commits; its signature shows a tail that was cut off.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import orjson
import structlog
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mcp_gateway.exceptions import UnauthenticatedError
from mcp_gateway.kit import ids
from mcp_gateway.kit.hash_chain import START, HashChain, link
from mcp_gateway.models.audit import ActorKind, AuditAction, AuditEntry, AuditFilter, AuditRow
from mcp_gateway.models.pages import Page
from mcp_gateway.schema.tables import api_tokens, tenants
from mcp_gateway.schema.tables import audit_heads as heads
from mcp_gateway.schema.tables import audit_log as log
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.rows import fetch_page, id_bounds, unexpired

logger = structlog.get_logger(__name__)

LABEL = b"audit-log"
"""What the keys of the chain are derived with."""
UNSIGNED = frozenset({"digest", "key_id", "mac"})
PUBLIC = tuple(column for column in log.c if column.name not in UNSIGNED)
INTEGERS = (-(2**63), 2**64)
"""Range in which JSON is read back as an integer."""


class _Head(NamedTuple):
    seq: int
    digest: bytes
    is_whole: bool
    """Whether its signature says that all rows up to it are ours."""
    now: datetime


RECORDED = (
    *("created_at", "tenant_id", "seq", "id", "actor_kind", "actor_id", "action", "object_type", "object_id"),
    *("request_id", "before", "after"),
)
"""What a row's digest covers: everything but digest and signature."""


def record_bytes(created_at: datetime, *others: Any) -> bytes:
    """The values of RECORDED, always in the same bytes; microseconds are what Python and PostgreSQL both keep."""
    return orjson.dumps([created_at.isoformat(timespec="microseconds"), *others], option=orjson.OPT_SORT_KEYS)


def alone_bytes(digest: bytes) -> bytes:
    """What is signed of a row that does not vouch for those before it: the end it was added to was not ours.

    Otherwise whoever rewrote the rows of a key that is gone could wait for the next row to vouch for them.
    """
    return b"alone\n" + digest


def head_bytes(tenant_id: str, seq: int, digest: bytes, *, is_whole: bool) -> bytes:
    """What a head's signature covers; no row's digest has this form. Once not whole, a chain stays so."""
    return b"%b\n%b\n%d\n%b" % (b"head" if is_whole else b"alone", tenant_id.encode(), seq, digest)


def to_audit_row(row: Row[Any]) -> AuditRow:
    """From a row that has the public columns."""
    return AuditRow(**{column.name: getattr(row, column.name) for column in PUBLIC})


def bounds(wanted: AuditFilter, after: str | None) -> tuple[str | None, str | None]:
    """Ids a page lies between, see `id_bounds`."""
    return id_bounds(ids.AUDIT, wanted.created_after, wanted.created_before, after)


def empty_head(tenant_id: str, chain: HashChain) -> dict[str, Any]:
    """The signed end of a chain without rows."""
    mac = chain.sign(head_bytes(tenant_id, 0, START, is_whole=True))
    return {"tenant_id": tenant_id, "seq": 0, "digest": START, "key_id": chain.key_id, "mac": mac}


async def begin_chains(engine: AsyncEngine, chain: HashChain) -> None:
    """Give each tenant that is older than the log its chain, as the owner, so that one without a chain shows."""
    with storage_faults():
        async with engine.begin() as connection:
            found = (await connection.scalars(select(tenants.c.id).order_by(tenants.c.id))).all()
            if found:
                first = [empty_head(tenant_id, chain) for tenant_id in found]
                await connection.execute(upsert(heads).on_conflict_do_nothing(), first)


class AuditStore:
    """Adds to the log and reads it."""

    def __init__(self, connection: AsyncConnection, chain: HashChain) -> None:
        self._connection = connection
        self._chain = chain

    async def record(self, *entries: AuditEntry) -> None:
        """Add rows; the last thing a transaction does, since the chain stays locked until its end.

        Raises:
            UnauthenticatedError: the API token that makes the change is no more. Every change comes by here, so none
                by a token commits after the token's own end, whatever a process still believes.
        """
        for entry in entries:
            with storage_faults():
                await self._check_alive(entry)
        # In one order everywhere, so that two transactions never wait for each other's chains.
        ordered = sorted(entries, key=lambda entry: entry.tenant_id)
        for tenant_id, group in groupby(ordered, key=lambda entry: entry.tenant_id):
            with storage_faults():
                await self._extend(tenant_id, group)

    async def list_page(self, tenant_id: str, wanted: AuditFilter, *, limit: int, after: str | None) -> Page[AuditRow]:
        """Of one tenant, newest first."""
        first, below = bounds(wanted, after)
        query = select(*PUBLIC).where(log.c.tenant_id == tenant_id)
        if wanted.created_after is not None:
            query = query.where(log.c.id >= first, log.c.created_at > wanted.created_after)
        if wanted.created_before is not None:
            query = query.where(log.c.created_at < wanted.created_before)
        for name in ("action", "object_type", "object_id"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(log.c[name] == value)
        return await fetch_page(self._connection, query, log, limit=limit, after=below, convert=to_audit_row)

    async def _check_alive(self, entry: AuditEntry) -> None:
        if entry.actor.kind is not ActorKind.API_TOKEN:
            return
        if entry.action is AuditAction.API_TOKEN_DELETE and entry.object_id == entry.actor.id:
            return  # its own end, in this transaction
        # Held: a deletion of the token that has begun is waited for, and one that begins now waits for this change.
        query = select(api_tokens.c.id).where(
            api_tokens.c.tenant_id == entry.tenant_id, api_tokens.c.id == entry.actor.id, unexpired(api_tokens)
        )
        if await self._connection.scalar(query.with_for_update(key_share=True, read=True)) is None:
            raise UnauthenticatedError("the key is neither the operator's nor a live API token")

    async def _extend(self, tenant_id: str, entries: Iterable[AuditEntry]) -> None:
        seq, digest, is_whole, now = await self._locked_head(tenant_id)
        rows: list[dict[str, Any]] = []
        for entry in entries:
            seq += 1
            fields = _fields(entry, seq, now)
            digest = link(digest, record_bytes(*(fields[name] for name in RECORDED)))
            mac = self._chain.sign(digest if is_whole else alone_bytes(digest))
            rows.append({**fields, "digest": digest, "key_id": self._chain.key_id, "mac": mac})
        await self._connection.execute(insert(log), rows)
        await self._connection.execute(
            update(heads)
            .where(heads.c.tenant_id == tenant_id)
            .values(
                seq=seq,
                digest=digest,
                key_id=self._chain.key_id,
                mac=self._chain.sign(head_bytes(tenant_id, seq, digest, is_whole=is_whole)),
            )
        )

    async def _locked_head(self, tenant_id: str) -> _Head:
        # The clock after the lock was got: times rise along a chain.
        query = (
            select(heads, func.clock_timestamp().label("now")).where(heads.c.tenant_id == tenant_id).with_for_update()
        )
        found = (await self._connection.execute(query)).one_or_none()
        if found is None:
            first = empty_head(tenant_id, self._chain)
            await self._connection.execute(upsert(heads).values(first).on_conflict_do_nothing())
            found = (await self._connection.execute(query)).one()
        message = head_bytes(tenant_id, found.seq, found.digest, is_whole=True)
        is_whole = self._chain.vouches(found.key_id, message, found.mac) is True
        if not is_whole:
            logger.error("audit.head_not_vouched_for", tenant_id=tenant_id, seq=found.seq, key_id=found.key_id)
        return _Head(found.seq, found.digest, is_whole, found.now)


def _fields(entry: AuditEntry, seq: int, now: datetime) -> dict[str, Any]:
    return {
        "id": ids.new_id(ids.AUDIT, now),
        "tenant_id": entry.tenant_id,
        "seq": seq,
        "created_at": now,
        "actor_kind": entry.actor.kind.value,
        "actor_id": entry.actor.id,
        "action": entry.action.value,
        "object_type": entry.action.object_type,
        "object_id": entry.object_id,
        "before": _as_stored(entry.before),
        "after": _as_stored(entry.after),
        "request_id": entry.request_id,
    }


def _as_stored(value: Any) -> Any:
    """As JSONB gives it back: it keeps numbers and not how they were written, so 1e2 comes back as 100."""
    if isinstance(value, float):
        low, high = INTEGERS
        return int(value) if value.is_integer() and low <= value < high else value
    if isinstance(value, Mapping):
        return {str(key): _as_stored(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_stored(inner) for inner in value]
    return value
