"""The operator's lists: a page far into one reads as many rows as the first, by PostgreSQL's own count."""

from uuid import uuid4

import pytest

from mcp_gateway.models.tool_calls import CallFilter
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.without_tenant import AcrossTenants
from tests.support.databases import connected, fresh_database
from tests.support.table_reads import rows_read

ROWS = 2_000
LIMIT = 20
PAGE_ROWS = LIMIT + 4
"""Those it shows, the one after them, and one that each branch of a query may look at before it sees that it is not
wanted."""
RARE_SERVER, RARE_STATUS = "mcp_srv_rare", "upstream_timeout"

FILL = f"""
INSERT INTO tenants (id, name) SELECT 'ten_' || to_char(n, 'FM00000'), 'Shop' FROM generate_series(1, {ROWS}) n;
INSERT INTO integrated_accounts (id, tenant_id, integration, name, sealed_api_key, credentials_hint)
SELECT 'acc_' || to_char(n, 'FM00000'), 'ten_' || to_char(n, 'FM00000'), 'richpanel', 'Shop', '', 'abcd'
FROM generate_series(1, {ROWS}) n;
INSERT INTO api_tokens (id, tenant_id, name, token_digest, token_hint, scopes)
SELECT 'tok_' || to_char(n, 'FM00000'), 'ten_' || to_char(n, 'FM00000'), 'ci', sha256(n::text::bytea), 'abcd',
       '{{read}}'
FROM generate_series(1, {ROWS}) n;
INSERT INTO tool_calls (id, tenant_id, account_id, server_id, created_at, tool, status, duration_ms, upstream_ms,
                        caller_gone, arguments_hash, arguments_truncated)
SELECT 'call_' || to_char(n, 'FM00000'), 'ten_00001', 'acc_00001',
       CASE n WHEN 1 THEN '{RARE_SERVER}' ELSE 'mcp_srv_' || n % 100 END, now(),
       'a_tool', CASE WHEN n < 9 THEN '{RARE_STATUS}' ELSE 'ok' END, 1, 1, false, '', false
FROM generate_series(1, {ROWS}) n;
"""  # noqa: S608 - constants


@pytest.fixture(scope="module")
def database(postgres_admin_url):
    with fresh_database(postgres_admin_url, f"pages_{uuid4().hex[:8]}") as stores:
        yield stores


@pytest.fixture(scope="module")
async def full(database):
    """A database whose lists have a hundred pages."""
    async with connected(database.owner_url) as owner:
        await owner.execute(FILL)
        await owner.execute("ANALYZE")
    return database


@pytest.fixture
async def connection(full):
    engine = open_engine(full.database_url, pool_size=1)
    async with engine.begin() as one:
        yield one
    await engine.dispose()


@pytest.mark.parametrize("after", [None, 1000, LIMIT + 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    ("name", "prefix"), [("list_tenants", "ten_"), ("list_accounts", "acc_"), ("list_api_tokens", "tok_")]
)
async def test_a_page_of_all_tenants_reads_the_rows_it_shows(connection, name, prefix, after):
    position = None if after is None else f"{prefix}{after:05}"
    list_page = getattr(AcrossTenants(connection), name)

    rows, page = await rows_read(connection, lambda: list_page(limit=LIMIT, after=position))

    newest = ROWS if after is None else after - 1
    assert [item.id for item in page.items] == [f"{prefix}{number:05}" for number in range(newest, newest - LIMIT, -1)]
    assert rows <= PAGE_ROWS


@pytest.mark.parametrize("after", [None, 1000, LIMIT + 1], ids=["first", "middle", "last"])
async def test_a_page_of_the_log_reads_the_rows_it_shows(connection, after):
    position = None if after is None else f"call_{after:05}"
    log = AcrossTenants(connection)

    rows, page = await rows_read(connection, lambda: log.list_tool_calls(CallFilter(), limit=LIMIT, after=position))

    newest = ROWS if after is None else after - 1
    assert [call.id for call in page.items] == [f"call_{number:05}" for number in range(newest, newest - LIMIT, -1)]
    assert rows <= PAGE_ROWS


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(server_id=RARE_SERVER), [1]),
        (CallFilter(status=RARE_STATUS), [8, 7, 6, 5, 4, 3, 2, 1]),
        (CallFilter(server_id=RARE_SERVER, status=RARE_STATUS), [1]),
        (CallFilter(server_id=RARE_SERVER, status="ok"), []),
        (CallFilter(status="never"), []),
    ],
    ids=["server", "error", "error of a server", "no such call of a server", "no such error"],
)
async def test_few_calls_among_many_are_found_without_reading_the_others(connection, wanted, found):
    log = AcrossTenants(connection)

    rows, page = await rows_read(connection, lambda: log.list_tool_calls(wanted, limit=LIMIT, after=None))

    assert [call.id for call in page.items] == [f"call_{number:05}" for number in found]
    assert rows <= PAGE_ROWS


async def test_calls_that_went_well_are_listed_newest_first(connection):
    page = await AcrossTenants(connection).list_tool_calls(CallFilter(status="ok"), limit=2, after="call_00011")

    assert [call.id for call in page.items] == ["call_00010", "call_00009"]
