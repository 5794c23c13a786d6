"""Reads the audit log from end to end, as the owner, and names the first row of each chain that is not as written."""

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, Text, cast, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mcp_gateway.kit.hash_chain import START, HashChain, link
from mcp_gateway.models.audit import AuditReport, BrokenRow, ChainEnd
from mcp_gateway.schema.tables import audit_heads as heads
from mcp_gateway.schema.tables import audit_log as log
from mcp_gateway.schema.tables import tenants
from mcp_gateway.storage.audit import RECORDED, alone_bytes, head_bytes, record_bytes
from mcp_gateway.storage.database import storage_faults
from mcp_gateway.storage.migrations import check_owner

PAGE = 5_000
DOCUMENTS = ("before", "after")

MISSING = "is missing: it was deleted, or cut off the end"
CHANGED = "was changed, or stands in the place of another row"
FORGED = "carries a signature that is not the gateway's"
BEYOND = "stands beyond the signed end of its chain"
HEADLESS = "is the last row, and the signed end of its chain is missing"
FORGED_HEAD = "is the last row, and the end of its chain carries a signature that is not the gateway's"
OTHER_END = "is the last row, and the signed end of its chain names another one"
UNKNOWN_KEY = "and those after it are vouched for by no key in GATEWAY_ENCRYPTION_KEYS; add the key with id"
NOT_AS_NOTED = "is not the row that was noted"


class ChainCheck:
    """One chain, row by row; stops looking at the first row that is wrong."""

    def __init__(self, tenant_id: str, chain: HashChain, noted: ChainEnd | None = None) -> None:
        """`noted` is an end of this chain as an earlier check told it."""
        self.broken: BrokenRow | None = None
        self.seq = 0
        self._tenant_id = tenant_id
        self._chain = chain
        self._noted = noted
        self._digest = START
        self._id: str | None = None
        self._unvouched: tuple[int, str, str] | None = None
        """Number, id and key of the first row since the last one that a known key signed."""

    def row(self, row: Row[Any]) -> None:
        """The next row."""
        if self.broken is not None:
            return
        if row.seq != self.seq + 1:
            self._fail(self.seq + 1, None, MISSING)
            return
        documents = (None if value is None else orjson.loads(value) for value in (row.before, row.after))
        digest = link(self._digest, record_bytes(*row[: len(RECORDED) - len(DOCUMENTS)], *documents))
        vouched = self._chain.vouches(row.key_id, digest, row.mac)
        is_alone = vouched is False and self._chain.vouches(row.key_id, alone_bytes(digest), row.mac)
        if digest != row.digest:
            self._fail(row.seq, row.id, CHANGED)
        elif vouched is False and not is_alone:
            self._fail(row.seq, row.id, FORGED)
        elif self._noted is not None and row.seq == self._noted.seq and digest.hex() != self._noted.digest:
            self._fail(row.seq, row.id, NOT_AS_NOTED)
        elif vouched:
            self._unvouched = None
        elif self._unvouched is None and not is_alone:
            self._unvouched = (row.seq, row.id, row.key_id)
        self.seq, self._digest, self._id = row.seq, digest, row.id

    def end(self, head: Row[Any] | None) -> ChainEnd | None:
        """All rows were there; the chain's end where it is whole."""
        if self.broken is None:
            self._check_head(head)
        if self.broken is None and self._noted is not None and self.seq < self._noted.seq:
            self._fail(self.seq + 1, None, MISSING)
        return None if self.broken is not None else ChainEnd(self._tenant_id, self.seq, self._digest.hex())

    def _check_head(self, head: Row[Any] | None) -> None:
        if head is None:
            self._fail(*((self.seq, self._id, HEADLESS) if self.seq else (1, None, MISSING)))
            return
        forms = (head_bytes(self._tenant_id, head.seq, head.digest, is_whole=whole) for whole in (True, False))
        answers = {self._chain.vouches(head.key_id, form, head.mac) for form in forms}
        vouched = True if True in answers else answers.pop()
        if head.seq > self.seq:
            self._fail(self.seq + 1, None, MISSING)
        elif vouched is False:
            self._fail(self.seq, self._id, FORGED_HEAD)
        elif head.seq < self.seq:
            self._fail(head.seq + 1, None, BEYOND)
        elif head.digest != self._digest:
            self._fail(self.seq, self._id, OTHER_END)
        elif self._unvouched is not None:
            seq, row_id, key_id = self._unvouched
            self._fail(seq, row_id, f"{UNKNOWN_KEY} {key_id!r}")
        elif vouched is None:
            self._fail(self.seq, self._id, f"{UNKNOWN_KEY} {head.key_id!r}")

    def _fail(self, seq: int, row_id: str | None, problem: str) -> None:
        self.broken = BrokenRow(self._tenant_id, seq, row_id, problem)


async def check_log(
    engine: AsyncEngine, chain: HashChain, *, tenant_id: str | None = None, noted: Sequence[ChainEnd] = ()
) -> AuditReport:
    """Check one tenant's chain, or all, in one snapshot while the gateway goes on writing.

    Raises:
        ConfigurationError: the role is not the owner, and so would see no rows and find nothing wrong.
    """
    await check_owner(engine)
    engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with storage_faults():
        async with engine.connect() as connection:
            return await _checked(connection, chain, tenant_id, {end.tenant_id: end for end in noted})


async def _checked(
    connection: AsyncConnection, chain: HashChain, tenant_id: str | None, noted: Mapping[str, ChainEnd]
) -> AuditReport:
    query = select(heads) if tenant_id is None else select(heads).where(heads.c.tenant_id == tenant_id)
    ends = {row.tenant_id: row for row in await connection.execute(query)}
    expected = {name: end for name, end in noted.items() if tenant_id in {None, name}}
    named = {*ends, *expected, *await _tenants_without_chain(connection, tenant_id)}
    checks: dict[str, ChainCheck] = {name: ChainCheck(name, chain, expected.get(name)) for name in named}
    rows = 0
    async for page in _pages(connection, tenant_id):
        rows += len(page)
        for name, group in groupby(page, key=lambda row: row.tenant_id):
            check = checks.get(name) or checks.setdefault(name, ChainCheck(name, chain))
            for row in group:
                check.row(row)
    whole = [check.end(ends.get(name)) for name, check in sorted(checks.items())]
    broken = [check.broken for _, check in sorted(checks.items())]
    return AuditReport(rows, tuple(end for end in whole if end), tuple(one for one in broken if one))


async def _pages(connection: AsyncConnection, tenant_id: str | None) -> AsyncIterator[Sequence[Any]]:
    columns = [cast(log.c[name], Text).label(name) if name in DOCUMENTS else log.c[name] for name in RECORDED]
    query = select(*columns, log.c.digest, log.c.key_id, log.c.mac).order_by(log.c.tenant_id, log.c.seq).limit(PAGE)
    if tenant_id is not None:
        query = query.where(log.c.tenant_id == tenant_id)
    page = (await connection.execute(query)).all()
    while page:
        yield page
        last = page[-1]
        after = tuple_(log.c.tenant_id, log.c.seq) > tuple_(last.tenant_id, last.seq)
        page = (await connection.execute(query.where(after))).all() if len(page) == PAGE else ()


async def _tenants_without_chain(connection: AsyncConnection, tenant_id: str | None) -> Sequence[str]:
    """Each tenant has an end of its chain: from its creation, or from the migration that found it without a log."""
    query = select(tenants.c.id).where(~exists().where(heads.c.tenant_id == tenants.c.id))
    if tenant_id is not None:
        query = query.where(tenants.c.id == tenant_id)
    return (await connection.scalars(query)).all()
