# ruff: noqa: S608 - tables of our own schema
"""Row-level security: what the database holds by itself, with nothing of the application's filter in the way."""

import asyncio
import contextlib
import random
import re
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text

from mcp_gateway.kit import ids
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.schema.isolation import APPLICATION_FUNCTIONS, CURRENT_TENANT, tenant_columns
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.uow import UnitOfWork
from mcp_gateway.storage.without_tenant import TenantOf
from tests.support.databases import connected, fresh_database
from tests.support.gateways import running_gateway, settings_for
from tests.support.two_tenants import a_row_of_each, furnish, in_the_name_of, trespasses

SECURITY_PAGE = Path(__file__).parents[2] / "docs" / "security.md"
TABLES = tuple(tenant_columns())
POOL_SIZE = 2
TRANSACTIONS = 300
CHAIN = HashChain({"k": bytes(32)}, b"")

DEFINERS = """
SELECT p.oid::regprocedure::text AS signature, proconfig, pg_get_userbyid(proowner) AS owner,
       has_function_privilege('public', p.oid, 'EXECUTE') AS open, has_function_privilege(p.oid, 'EXECUTE') AS ours
FROM pg_proc p WHERE prosecdef AND pronamespace = 'public'::regnamespace
"""


@pytest.fixture(scope="module")
async def tenants(gateway):
    """Ours and another one's."""
    return await furnish(gateway, f"ours-{uuid4().hex}"), await furnish(gateway, f"other-{uuid4().hex}")


@pytest.fixture
async def ours(tenants):
    return tenants[0]


@pytest.fixture
async def other(tenants):
    return tenants[1]


@pytest.fixture
async def connection(stores):
    """Of the application's role."""
    async with connected(stores.database_url) as one:
        yield one


@pytest.fixture
async def engine(stores):
    one = open_engine(stores.database_url, pool_size=POOL_SIZE)
    yield one
    await one.dispose()


async def test_every_table_with_a_tenant_column_is_behind_forced_row_level_security(connection):
    found = await connection.fetch(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (c.relname = 'tenants' "
        "OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'))"
    )
    assert {tuple(row) for row in found} == {(table, True, True) for table in TABLES}


async def test_tables_have_the_two_policies_and_no_other(connection, stores):
    owner = urlsplit(stores.owner_url).username
    found = await connection.fetch(
        "SELECT tablename, policyname, permissive, cmd, roles, qual, with_check FROM pg_policies"
    )
    by_name = {(row["tablename"], row["policyname"]): row for row in found}
    expected = {(table, policy) for table in TABLES for policy in ("tenant_isolation", "owner_sees_all")}
    assert set(by_name) == expected
    same = re.sub(r"\W|text", "", CURRENT_TENANT)
    for table, column in tenant_columns().items():
        policy = by_name[table, "tenant_isolation"]
        assert (policy["cmd"], policy["roles"]) == ("ALL", ["public"])
        for condition in (policy["qual"], policy["with_check"]):
            assert re.sub(r"\W|text", "", condition) == column + same
        assert by_name[table, "owner_sees_all"]["roles"] == [owner]


async def test_application_owns_nothing_and_cannot_bypass_policies(connection):
    role = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
    assert (role["rolsuper"], role["rolbypassrls"], role["rolcreaterole"]) == (False, False, False)
    owned = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
    assert await connection.fetchval(owned) == 0
    for table in TABLES:
        assert await connection.fetchval("SELECT row_security_active($1::text::regclass)", table) is True


async def test_functions_past_the_policies_are_those_in_code_and_on_the_page(connection, stores):
    found = await connection.fetch(DEFINERS)
    in_database = {row["signature"].replace(",", ", ") for row in found}
    section = SECURITY_PAGE.read_text().partition("### Paths without a tenant")[2].partition("\n## ")[0]
    assert in_database == set(APPLICATION_FUNCTIONS)
    assert in_database == set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))
    owner = urlsplit(stores.owner_url).username
    for row in found:
        assert row["proconfig"] == ["search_path=pg_catalog, pg_temp"], row
        assert (row["owner"], row["open"], row["ours"]) == (owner, False, True), row


async def test_without_a_tenant_there_are_no_rows(connection, tenants):
    for table in TABLES:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    # What is left on a connection once a transaction has set the tenant: the empty text, and not an unknown setting.
    async with in_the_name_of(connection, tenants[0].tenant_id):
        pass
    assert await connection.fetchval("SELECT current_setting('app.tenant', true)") == ""
    for table in TABLES:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("table", TABLES)
async def test_without_the_filter_no_statement_reaches_another_tenants_rows(stores, connection, ours, other, table):
    await a_row_of_each(stores, ours.tenant_id)
    assert await trespasses(stores, connection, table, ours.tenant_id, other.tenant_id) == []


@pytest.fixture
def own_stores(postgres_admin_url, redis_url):
    """A database whose policies may be spoilt."""
    with fresh_database(postgres_admin_url, "open", redis_url) as one:
        yield one


async def test_a_policy_that_is_missing_would_be_noticed(own_stores):
    async with running_gateway(settings_for(own_stores, richpanel_url="http://127.0.0.1:9/v1")) as gateway:
        ours, other = await furnish(gateway, "ours"), await furnish(gateway, "other")
    async with connected(own_stores.owner_url) as owner:
        await owner.execute("DROP POLICY tenant_isolation ON api_tokens")
        await owner.execute("CREATE POLICY tenant_isolation ON api_tokens USING (true) WITH CHECK (true)")
    async with connected(own_stores.database_url) as connection:
        found = await trespasses(own_stores, connection, "api_tokens", ours.tenant_id, other.tenant_id)
    assert found == [f"api_tokens: {one}" for one in ("read", "changed", "deleted", "written", "given away")]


async def test_store_asked_for_another_tenant_finds_nothing_in_this_ones_transaction(engine, ours, other):
    async with UnitOfWork(engine, ours.tenant_id, audit_chain=CHAIN) as stores:
        assert await stores.tenants.get(other.tenant_id) is None
        assert await stores.tenants.rename(other.tenant_id, name="taken") is None
        assert await stores.accounts.get(other.tenant_id, other.account_id) is None
        assert await stores.accounts.sealed_key(other.tenant_id, other.account_id) is None
        assert await stores.accounts.update(other.tenant_id, other.account_id, {"name": "taken"}) is None
        assert (await stores.accounts.list_page(other.tenant_id, limit=10, after=None)).items == ()
        assert await stores.servers.get(other.tenant_id, other.account_id, other.server_id) is None
        assert await stores.servers.delete_all(other.tenant_id) == ([], [])
        assert await stores.api_tokens.delete_all(other.tenant_id) == []
        assert (await stores.accounts.get(ours.tenant_id, ours.account_id)) is not None


async def test_transaction_works_for_one_tenant_and_for_no_second_one(engine, ours, other):
    async with UnitOfWork(engine, ours.tenant_id, audit_chain=CHAIN) as stores:
        with pytest.raises(RuntimeError, match="one tenant"):
            await stores.enter(other.tenant_id)
    async with UnitOfWork(engine, audit_chain=CHAIN) as stores:
        assert await stores.enter_by(TenantOf.ACCOUNT_ID, ours.account_id) == ours.tenant_id
        with pytest.raises(RuntimeError, match="one tenant"):
            await stores.enter_by(TenantOf.ACCOUNT_ID, other.account_id)
        assert await stores.accounts.get(ours.tenant_id, ours.account_id) is not None


async def test_key_of_nobody_enters_no_tenant(engine, ours):
    async with UnitOfWork(engine, audit_chain=CHAIN) as stores:
        assert await stores.enter_by(TenantOf.ACCOUNT_ID, ids.new_id(ids.ACCOUNT)) is None
        assert await stores.enter_by(TenantOf.SERVER_DIGEST, bytes(32)) is None
        assert await stores.accounts.get(ours.tenant_id, ours.account_id) is None
        assert await stores.enter_by(TenantOf.API_TOKEN_ID, ours.token_id) == ours.tenant_id
        assert await stores.accounts.get(ours.tenant_id, ours.account_id) is not None


async def test_interleaved_and_cancelled_transactions_leave_no_tenant_on_a_connection(engine, tenants):
    dice = random.Random(20261125)  # noqa: S311 - chance, not a secret
    seen: set[tuple[str, str]] = set()

    async def transaction(place: int) -> None:
        owned = tenants[place % len(tenants)]
        async with UnitOfWork(engine, owned.tenant_id, audit_chain=CHAIN) as stores:
            names = await stores._connection.scalars(text("SELECT tenant_id FROM integrated_accounts"))
            seen.update((owned.tenant_id, name) for name in names)
            if place % 5 == 0:
                raise ValueError

    async def checked() -> None:
        async with engine.connect() as one:
            assert await one.scalar(text("SELECT coalesce(current_setting('app.tenant', true), '')")) == ""
            assert await one.scalar(text("SELECT count(*) FROM tenants")) == 0

    async def run(place: int) -> None:
        with contextlib.suppress(asyncio.CancelledError, ValueError):
            await transaction(place)

    for start in range(0, TRANSACTIONS, 2 * POOL_SIZE):
        tasks = [asyncio.create_task(run(place)) for place in range(start, start + 2 * POOL_SIZE)]
        for task in tasks:
            if dice.random() < 0.5:
                asyncio.get_running_loop().call_later(dice.random() * 0.01, task.cancel)
        await asyncio.wait(tasks)
        await checked()
    assert seen == {(owned.tenant_id, owned.tenant_id) for owned in tenants}
    # Every connection came back: the pool lends all of them at once.
    async with asyncio.timeout(10), engine.connect(), engine.connect():
        pass
