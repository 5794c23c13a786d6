"""Gate: whatever is done to the rows of the audit log behind the gateway's back, the check names the first such row."""

import json
import random
import time

import pytest
from structlog.testing import capture_logs

from mcp_gateway.kit import ids
from mcp_gateway.kit.hash_chain import HashChain, link
from mcp_gateway.models.audit import SYSTEM, AuditAction, AuditEntry, ChainEnd
from mcp_gateway.storage.audit import LABEL, RECORDED, record_bytes
from mcp_gateway.storage.audit_check import check_log
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.uow import UnitOfWork
from tests.support.databases import connected, fresh_database

KEYS = {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}
NEW = HashChain(dict(reversed(KEYS.items())), LABEL)
OLD = HashChain({"k1": KEYS["k1"]}, LABEL)
ONLY_NEW = HashChain({"k2": KEYS["k2"]}, LABEL)
ROWS = 6

# Each turns row $2 of chain $1 into something else and takes nothing away.
EDITS = {
    **{
        f"other {name}": f"{name} = concat({name}, 'x')"
        for name in ("actor_id", "action", "object_id", "request_id", "id")
    },
    "other kind of actor": "actor_kind = 'operator'",
    "later": "created_at = created_at + interval '1 microsecond'",
    "other before": """before = '{"name": "other"}'""",
    "no after": "after = NULL",
    "other digest": "digest = sha256(digest)",
    "other signature": "mac = sha256(mac)",
}
OTHERS = ("deleted", "swapped", "moved up", "cut off", "signed anew")


@pytest.fixture(scope="module")
def database(postgres_admin_url):
    with fresh_database(postgres_admin_url, "chain") as stores:
        yield stores


@pytest.fixture
async def application(database):
    engine = open_engine(database.database_url, pool_size=1, statement_seconds=None)
    yield engine
    await engine.dispose()


@pytest.fixture
async def owner(database):
    engine = open_engine(database.owner_url, pool_size=1, statement_seconds=None)
    yield engine
    await engine.dispose()


@pytest.fixture
async def tamperer(database):
    """The owner, once it has taken the triggers away."""
    async with connected(database.owner_url) as connection:
        for table in ("audit_log", "audit_heads"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield connection


def entry(tenant_id, number):
    return AuditEntry(
        tenant_id=tenant_id,
        actor=SYSTEM,
        action=AuditAction.TENANT_UPDATE,
        object_id=tenant_id,
        before={"name": f"n{number}", "b": [1, 0.5, None], "a": {"z": "ü\u2028", "y": 1e2}},
        after={"name": f"n{number + 1}", "big": 1e17, "huge": 1e22, "tiny": 1e-7},
        request_id=f"req-{number}",
    )


async def written(application, rows=ROWS, chain=NEW, tenant_id=None):
    """A chain of so many rows."""
    tenant_id = tenant_id or ids.new_id(ids.TENANT)
    async with UnitOfWork(application, tenant_id, audit_chain=chain) as stores:
        await stores.audit.record(*(entry(tenant_id, number) for number in range(rows)))
    return tenant_id


async def first_broken(owner, tenant_id, chain=NEW, **more):
    report = await check_log(owner, chain, tenant_id=tenant_id, **more)
    return [(broken.tenant_id, broken.seq) for broken in report.broken]


async def tamper(connection, tenant_id, seq, kind):
    """Do it; the number of the row that must be named."""
    where = "WHERE tenant_id = $1 AND seq"
    if kind in EDITS:
        await connection.execute(f"UPDATE audit_log SET {EDITS[kind]} {where} = $2", tenant_id, seq)  # noqa: S608
        return seq
    if kind == "signed anew":
        # As a forger would who knows how digests are made, and has no key.
        forged = HashChain({"k2": bytes(32)}, LABEL)
        digest = await connection.fetchval(f"SELECT digest FROM audit_log {where} = $2", tenant_id, seq)  # noqa: S608
        await connection.execute(
            f"UPDATE audit_log SET mac = $3 {where} = $2",  # noqa: S608
            tenant_id,
            seq,
            forged.sign(digest),
        )
        return seq
    if kind == "cut off":
        await connection.execute(f"DELETE FROM audit_log {where} >= $2", tenant_id, seq)  # noqa: S608
        return seq
    if kind == "swapped":
        first = seq if seq < ROWS else seq - 1
        async with connection.transaction():
            for before, after in ((first, 10**6), (first + 1, first), (10**6, first + 1)):
                statement = f"UPDATE audit_log SET seq = $3 {where} = $2"  # noqa: S608
                await connection.execute(statement, tenant_id, before, after)
        return first
    await connection.execute(f"DELETE FROM audit_log {where} = $2", tenant_id, seq)  # noqa: S608
    if kind == "moved up":
        for later in range(seq + 1, ROWS + 1):
            statement = f"UPDATE audit_log SET seq = seq - 1 {where} = $2"  # noqa: S608
            await connection.execute(statement, tenant_id, later)
    return seq


async def test_whatever_is_done_to_a_row_the_check_names_it(application, owner, tamperer, figures, scale):
    repeats = scale(full=6, quick=1)
    trials, wrong = 0, []
    for kind in (*EDITS, *OTHERS):
        for seq in list(range(1, ROWS + 1)) * repeats if repeats > 1 else random.sample(range(1, ROWS + 1), 3):
            tenant_id = await written(application)
            named = await tamper(tamperer, tenant_id, seq, kind)
            trials += 1
            if await first_broken(owner, tenant_id) != [(tenant_id, named)]:
                wrong.append((kind, seq))
    figures.record(
        "audit",
        "edited, deleted, moved or cut rows that the check names",
        measured=f"{trials - len(wrong)} of {trials}",
        bar="all",
        n=trials,
        holds=not wrong,
    )


async def test_chains_nobody_touched_are_whole_and_their_ends_are_told(application, owner):
    tenants = [await written(application, rows) for rows in (1, 4)]
    for tenant_id, rows in zip(tenants, (1, 4), strict=True):
        await written(application, 2, tenant_id=tenant_id)
        report = await check_log(owner, NEW, tenant_id=tenant_id)
        assert (report.rows, report.broken) == (rows + 2, ())
        assert [(end.tenant_id, end.seq) for end in report.ends] == [(tenant_id, rows + 2)]


async def test_end_that_was_put_back_with_the_rows_is_not_taken_without_its_signature(application, owner, tamperer):
    tenant_id = await written(application)
    await tamperer.execute("DELETE FROM audit_log WHERE tenant_id = $1 AND seq > 3", tenant_id)
    await tamperer.execute(
        "UPDATE audit_heads h SET seq = 3, digest = l.digest, mac = l.mac FROM audit_log l "
        "WHERE h.tenant_id = $1 AND l.tenant_id = $1 AND l.seq = 3",
        tenant_id,
    )
    assert await first_broken(owner, tenant_id) == [(tenant_id, 3)]
    await tamperer.execute("UPDATE audit_heads SET key_id = 'none' WHERE tenant_id = $1", tenant_id)
    assert await first_broken(owner, tenant_id) == [(tenant_id, 3)]
    await tamperer.execute("DELETE FROM audit_heads WHERE tenant_id = $1", tenant_id)
    assert await first_broken(owner, tenant_id) == [(tenant_id, 3)]


async def test_older_copy_of_rows_and_end_together_shows_against_a_note(application, owner, tamperer):
    tenant_id = await written(application)
    old_head = await tamperer.fetchrow("SELECT * FROM audit_heads WHERE tenant_id = $1", tenant_id)
    await written(application, 2, tenant_id=tenant_id)
    [noted] = (await check_log(owner, NEW, tenant_id=tenant_id)).ends
    await tamperer.execute("DELETE FROM audit_log WHERE tenant_id = $1 AND seq > $2", tenant_id, ROWS)
    await tamperer.execute(
        "UPDATE audit_heads SET seq = $2, digest = $3, mac = $4 WHERE tenant_id = $1",
        *(old_head[name] for name in ("tenant_id", "seq", "digest", "mac")),
    )
    assert await first_broken(owner, tenant_id) == []
    assert await first_broken(owner, tenant_id, noted=[noted]) == [(tenant_id, ROWS + 1)]
    await tamperer.execute("DELETE FROM audit_log WHERE tenant_id = $1", tenant_id)
    await tamperer.execute("DELETE FROM audit_heads WHERE tenant_id = $1", tenant_id)
    assert await first_broken(owner, tenant_id, noted=[noted]) == [(tenant_id, 1)]
    other = ChainEnd(tenant_id, 1, "0" * 64)
    await written(application, 2, tenant_id=tenant_id)
    assert await first_broken(owner, tenant_id, noted=[other]) == [(tenant_id, 1)]


async def test_tenant_whose_chain_was_taken_away_as_a_whole_is_named(application, owner, tamperer):
    tenants = [ids.new_id(ids.TENANT) for _ in range(3)]
    for tenant_id in tenants:
        async with UnitOfWork(application, tenant_id, audit_chain=NEW) as stores:
            await stores.tenants.add(tenant_id, name="t")
            await stores.audit.record(entry(tenant_id, 0))
        assert await first_broken(owner, tenant_id) == []
    # The oldest too: nothing older is left then to tell by that there ever was a log.
    for tenant_id in tenants:
        await tamperer.execute("DELETE FROM audit_log WHERE tenant_id = $1", tenant_id)
        await tamperer.execute("DELETE FROM audit_heads WHERE tenant_id = $1", tenant_id)
        assert await first_broken(owner, tenant_id) == [(tenant_id, 1)]
        assert (tenant_id, 1) in await first_broken(owner, None)
    await tamperer.execute("TRUNCATE audit_log, audit_heads")
    assert await first_broken(owner, None) == [(tenant_id, 1) for tenant_id in sorted(tenants)]


async def test_rows_of_a_retired_key_are_vouched_for_by_a_later_row(application, owner, tamperer):
    tenant_id = await written(application, chain=OLD)
    assert await first_broken(owner, tenant_id, ONLY_NEW) == [(tenant_id, 1)]
    await written(application, 1, tenant_id=tenant_id)
    assert await first_broken(owner, tenant_id, ONLY_NEW) == []
    await tamperer.execute("UPDATE audit_log SET after = NULL WHERE tenant_id = $1 AND seq = 2", tenant_id)
    assert await first_broken(owner, tenant_id, ONLY_NEW) == [(tenant_id, 2)]


async def rewrite(connection, tenant_id, first):
    """Change a row and make all digests fit again, up to the end; signatures cannot be made."""
    rows = await connection.fetch("SELECT * FROM audit_log WHERE tenant_id = $1 ORDER BY seq", tenant_id)
    digest = rows[first - 2]["digest"]
    for row in rows[first - 1 :]:
        fields = {**row, "before": json.loads(row["before"]), "after": {"name": "rewritten"}}
        digest = link(digest, record_bytes(*(fields[name] for name in RECORDED)))
        await connection.execute(
            "UPDATE audit_log SET after = $2, digest = $3, mac = sha256(mac) WHERE id = $1",
            row["id"],
            json.dumps(fields["after"]),
            digest,
        )
    await connection.execute("UPDATE audit_heads SET digest = $2 WHERE tenant_id = $1", tenant_id, digest)


async def test_rewritten_rows_of_a_retired_key_are_not_vouched_for_by_later_rows(application, owner, tamperer):
    tenant_id = await written(application, chain=OLD)
    await rewrite(tamperer, tenant_id, 3)
    for _ in range(2):
        await written(application, 1, chain=ONLY_NEW, tenant_id=tenant_id)
        assert await first_broken(owner, tenant_id, ONLY_NEW) == [(tenant_id, 1)]
        assert await first_broken(owner, tenant_id, NEW) == [(tenant_id, 3)]


async def test_key_taken_away_too_early_is_asked_for_and_breaks_nothing(application, owner):
    tenant_id = await written(application, chain=OLD)
    with capture_logs() as lines:
        await written(application, 2, chain=ONLY_NEW, tenant_id=tenant_id)
    assert [line["event"] for line in lines] == ["audit.head_not_vouched_for"]
    report = await check_log(owner, ONLY_NEW, tenant_id=tenant_id)
    assert [(one.seq, "key with id 'k1'" in one.problem) for one in report.broken] == [(1, True)]
    assert await first_broken(owner, tenant_id, NEW) == []


async def test_a_million_rows_are_checked_within_a_minute(application, owner, figures, scale):
    rows, batch = scale(full=20_000, quick=1_000), 500
    tenant_id = await written(application, batch)
    for _ in range(rows // batch - 1):
        await written(application, batch, tenant_id=tenant_id)
    started = time.perf_counter()
    report = await check_log(owner, NEW, tenant_id=tenant_id)
    rate = report.rows / (time.perf_counter() - started)
    assert (report.rows, report.broken) == (rows, ())
    if scale.is_full:
        measured = f"{rate:,.0f} rows/s"
        figures.record(
            "audit", "speed of the check", measured=measured, bar="16,667 rows/s", n=rows, holds=rate >= 16_667
        )
