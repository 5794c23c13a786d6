"""The schema: from nothing to the newest revision and back one step, who may use it, and what is refused."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mcp_gateway.dev.databases import with_database
from mcp_gateway.dev.stores import create_database, drop_database
from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.factory import migrate, open_factory, verify_audit_log
from mcp_gateway.kit import ids
from mcp_gateway.schema.base import metadata
from mcp_gateway.schema.tables import APPLICATION_PRIVILEGES
from mcp_gateway.storage import migrations
from mcp_gateway.storage.database import open_engine
from tests.support.databases import connected, fresh_database, worker_number
from tests.support.gateways import Stores, settings_for

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
COMMAND_SECONDS = 60

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""
WALLS = """
SELECT 'policy', tablename, policyname, roles::text, qual, with_check FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'forced', oid::regclass::text, relrowsecurity::text, relforcerowsecurity::text, '', ''
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT 'function', oid::regprocedure::text, prosrc, proconfig::text, prosecdef::text, ''
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


@contextlib.contextmanager
def empty_database(admin_url: str, purpose: str, redis_url: str = "redis://unused") -> Iterator[Stores]:
    """A database with both roles and no table."""
    name = f"gateway_{purpose}_{os.getpid()}_{worker_number()}"
    urls = create_database(admin_url, name, f"{name}_app", "app-password-for-tests")
    try:
        yield Stores(database_url=urls.app, owner_url=urls.owner, redis_url=redis_url)
    finally:
        drop_database(admin_url, name, roles=(f"{name}_owner", f"{name}_app"))


@pytest.fixture
def empty(postgres_admin_url, redis_url):
    with empty_database(postgres_admin_url, "empty", redis_url) as stores:
        yield stores


@pytest.fixture
def migrated(postgres_admin_url, redis_url):
    with fresh_database(postgres_admin_url, "migrated", redis_url) as stores:
        yield stores


async def run_sync(owner_url, work):
    """Run a function of a SQLAlchemy connection as the owner, as `migrations.upgrade` does."""
    engine = open_engine(owner_url, pool_size=1)
    try:
        async with engine.connect() as connection:
            result = await connection.run_sync(work)
            await connection.commit()
            return result
    finally:
        await engine.dispose()


async def picture(url: str) -> set[tuple[object, ...]]:
    """All columns, constraints and indexes of a database."""
    async with connected(url) as connection:
        rows = [tuple(row) for query in (COLUMNS, CONSTRAINTS, INDEXES) for row in await connection.fetch(query)]
    return {row for row in rows if "alembic_version" not in row}


async def whole_picture(url: str) -> set[tuple[object, ...]]:
    """The same with what keeps tenants apart, which SQLAlchemy's metadata does not know."""
    async with connected(url) as connection:
        walls = {tuple(row) for row in await connection.fetch(WALLS)}
    assert walls
    return await picture(url) | walls


def alembic(step):
    """Run an alembic command over a given connection."""

    def run(connection: Connection) -> None:
        config = migrations.alembic_config()
        config.attributes["connection"] = connection
        step(config)

    return run


async def refusal(stores: Stores, **overrides: str) -> str:
    """Why a gateway with these settings does not start."""
    with pytest.raises(ConfigurationError) as refused:
        async with open_factory(settings_for(stores, **overrides)):
            pass
    text = str(refused.value)
    assert "\n" not in text
    return text


async def test_tables_in_code_are_the_tables_in_the_database(migrated):
    def difference(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert await run_sync(migrated.owner_url, difference) == []


async def test_checks_keys_and_indexes_in_code_are_those_in_the_database(migrated, empty):
    # Beside the comparison above because that one looks at no check constraint.
    await run_sync(empty.owner_url, metadata.create_all)
    from_code = await picture(empty.owner_url)
    assert from_code
    assert await picture(migrated.owner_url) == from_code


def test_there_is_one_head_and_one_line_to_it():
    scripts = ScriptDirectory.from_config(migrations.alembic_config())
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    assert not [script.revision for script in scripts.walk_revisions() if script.is_merge_point]


async def test_last_step_goes_back_and_forth(migrated):
    before = await whole_picture(migrated.owner_url)
    await run_sync(migrated.owner_url, alembic(lambda config: command.downgrade(config, "-1")))
    assert await whole_picture(migrated.owner_url) != before
    assert "mcp-gateway migrate" in await refusal(migrated)
    await asyncio.to_thread(migrate, settings_for(migrated))
    assert await whole_picture(migrated.owner_url) == before
    async with open_factory(settings_for(migrated)):
        pass


async def test_migrating_again_changes_nothing(migrated):
    before = await whole_picture(migrated.owner_url)
    await asyncio.to_thread(migrate, settings_for(migrated))
    assert await whole_picture(migrated.owner_url) == before


def test_two_migrations_at_once_both_succeed(empty):
    # Two processes, as two deployments would be; alembic's own context is one per process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")} | {
        "GATEWAY_DATABASE_URL": empty.database_url,
        "GATEWAY_MIGRATION_DATABASE_URL": empty.owner_url,
        "GATEWAY_REDIS_URL": empty.redis_url,
        "GATEWAY_OPERATOR_KEY": settings_for(empty).operator_key.get_secret_value(),
        "GATEWAY_ENCRYPTION_KEYS": settings_for(empty).encryption_keys.get_secret_value(),
        "GATEWAY_PUBLIC_URL": "https://gateway.example",
    }
    arguments = [sys.executable, "-m", "mcp_gateway.cli", "migrate"]
    running = [
        subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own command
        for _ in range(2)
    ]
    told = [process.communicate(timeout=COMMAND_SECONDS)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], told


async def test_tenants_older_than_the_audit_log_get_a_chain_that_shows_when_it_is_gone(empty):
    tenant_id, settings = ids.new_id(ids.TENANT), settings_for(empty)
    await run_sync(empty.owner_url, alembic(lambda config: command.upgrade(config, "0002")))
    async with connected(empty.owner_url) as owner:
        await owner.execute("INSERT INTO tenants (id, name) VALUES ($1, 'old')", tenant_id)
        for _ in range(2):
            await asyncio.to_thread(migrate, settings)
            report = await asyncio.to_thread(verify_audit_log, settings, tenant_id=None)
            assert ([(end.tenant_id, end.seq) for end in report.ends], report.broken) == ([(tenant_id, 0)], ())
        await owner.execute("ALTER TABLE audit_heads DISABLE TRIGGER USER")
        await owner.execute("DELETE FROM audit_heads")
        # A later migration does not put it back.
        await asyncio.to_thread(migrate, settings)
        report = await asyncio.to_thread(verify_audit_log, settings, tenant_id=None)
    assert [(one.tenant_id, one.seq) for one in report.broken] == [(tenant_id, 1)]


async def test_migration_waits_for_another_one_however_long_it_takes(migrated):
    engine = open_engine(migrated.owner_url, pool_size=1, statement_seconds=None)
    try:
        async with engine.connect() as connection:
            assert await connection.scalar(text("SHOW statement_timeout")) == "0"
    finally:
        await engine.dispose()


async def test_migration_that_is_refused_says_so_in_one_line(empty):
    # The application's role may not create tables.
    with pytest.raises(ConfigurationError) as refused:
        await asyncio.to_thread(migrate, settings_for(empty, migration_database_url=empty.database_url))
    assert str(refused.value).startswith("GATEWAY_MIGRATION_DATABASE_URL: ")
    assert "\n" not in str(refused.value)


async def test_another_role_than_the_owner_migrates_nothing_not_even_a_superuser(empty, postgres_admin_url):
    await run_sync(empty.owner_url, alembic(lambda config: command.upgrade(config, "0008")))
    database = empty.owner_url.partition("?")[0].rpartition("/")[2]
    superuser = settings_for(empty, migration_database_url=with_database(postgres_admin_url, database))
    with pytest.raises(ConfigurationError, match=r"the schema belongs to .*_owner: one role must own all of it"):
        await asyncio.to_thread(migrate, superuser)
    async with connected(empty.owner_url) as owner:
        assert await owner.fetchval("SELECT version_num FROM alembic_version") == "0008"
    await asyncio.to_thread(migrate, settings_for(empty))
    async with open_factory(settings_for(empty)):
        pass


async def test_grants_at_once_all_succeed(migrated):
    # PostgreSQL fails a GRANT with "tuple concurrently updated" when another one changes the same table's entry.
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"

    async def grant_often() -> None:
        engine = open_engine(migrated.owner_url, pool_size=1)
        try:
            for _ in range(5):
                await migrations.grant(engine, role)
        finally:
            await engine.dispose()

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(grant_often())


async def test_application_may_do_exactly_what_is_listed(migrated):
    async with connected(migrated.database_url) as connection:
        rows = await connection.fetch(
            "SELECT c.relname, p.privilege FROM pg_class c, unnest($1::text[]) AS p (privilege) "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') "
            "AND has_table_privilege(c.oid, p.privilege)",
            PRIVILEGES,
        )
        may_create = await connection.fetchval("SELECT has_schema_privilege('public', 'CREATE')")
    found: dict[str, set[str]] = {}
    for table, privilege in rows:
        found.setdefault(table, set()).add(privilege)
    assert found == {table: set(listed.split(", ")) for table, listed in APPLICATION_PRIVILEGES.items()}
    assert may_create is False


async def test_a_privilege_too_many_is_taken_back_by_the_next_migration(migrated):
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"
    async with connected(migrated.owner_url) as connection:
        await connection.execute(f'GRANT TRUNCATE ON mcp_servers TO "{role}"')
        await asyncio.to_thread(migrate, settings_for(migrated))
        assert await connection.fetchval("SELECT has_table_privilege($1, 'mcp_servers', 'TRUNCATE')", role) is False


async def test_unmigrated_database_is_refused(empty):
    text = await refusal(empty)
    assert "revision none" in text
    assert "run `mcp-gateway migrate` first" in text


async def test_schema_of_a_newer_version_is_refused(migrated):
    async with connected(migrated.owner_url) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "revision 9999" in await refusal(migrated)


async def test_superuser_is_refused(migrated, postgres_admin_url):
    database = migrated.owner_url.partition("?")[0].rpartition("/")[2]
    text = await refusal(migrated, database_url=with_database(postgres_admin_url, database))
    assert "is a superuser" in text


async def test_owner_is_refused(migrated):
    assert "owns tables" in await refusal(migrated, database_url=migrated.owner_url)


async def test_role_past_row_level_security_is_refused(migrated, postgres_admin_url):
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"
    async with connected(postgres_admin_url) as connection:
        await connection.execute(f'ALTER ROLE "{role}" BYPASSRLS')
    assert "can bypass row-level security" in await refusal(migrated)


async def test_role_that_could_become_one_past_row_level_security_is_refused(migrated, postgres_admin_url):
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"
    async with connected(postgres_admin_url) as connection:
        await connection.execute(f'CREATE ROLE "{role}_past" BYPASSRLS')
        await connection.execute(f'GRANT "{role}_past" TO "{role}"')
    try:
        assert "can bypass row-level security" in await refusal(migrated)
    finally:
        async with connected(postgres_admin_url) as connection:
            await connection.execute(f'DROP ROLE "{role}_past"')


async def test_role_that_may_create_is_refused_until_the_next_migration(migrated, postgres_admin_url):
    database = migrated.owner_url.partition("?")[0].rpartition("/")[2]
    async with connected(with_database(postgres_admin_url, database)) as connection:
        await connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")  # as it was before PostgreSQL 15
    assert "may create objects in the schema public" in await refusal(migrated)
    await asyncio.to_thread(migrate, settings_for(migrated))
    async with open_factory(settings_for(migrated)):
        pass


async def test_database_that_does_not_answer_is_refused(migrated):
    text = await refusal(migrated, database_url="postgresql://nobody:canary-password@127.0.0.1:9/none")
    assert text.startswith("GATEWAY_DATABASE_URL: ")
    assert "canary" not in text


async def test_table_that_is_not_behind_forced_row_level_security_is_refused(migrated):
    async with connected(migrated.owner_url) as connection:
        await connection.execute("ALTER TABLE mcp_servers NO FORCE ROW LEVEL SECURITY")
        await connection.execute("ALTER TABLE tenants DISABLE ROW LEVEL SECURITY")
    assert "row-level security is not forced on mcp_servers, tenants" in await refusal(migrated)


async def test_policy_of_the_owner_that_names_another_role_is_refused(migrated):
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"
    async with connected(migrated.owner_url) as connection:
        await connection.execute(f'ALTER POLICY owner_sees_all ON mcp_servers TO "{role}"')
        assert "does not name the owner of mcp_servers and nobody else" in await refusal(migrated)
        await connection.execute("ALTER POLICY owner_sees_all ON mcp_servers TO CURRENT_USER")
    async with open_factory(settings_for(migrated)):
        pass


async def test_a_function_too_many_is_taken_back_by_the_next_migration(migrated):
    role = f"{migrated.database_url.partition('://')[2].partition(':')[0]}"
    async with connected(migrated.owner_url) as connection:
        await connection.execute("CREATE FUNCTION peep() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
        assert await connection.fetchval("SELECT has_function_privilege($1, 'peep()', 'EXECUTE')", role) is True
        await asyncio.to_thread(migrate, settings_for(migrated))
        assert await connection.fetchval("SELECT has_function_privilege($1, 'peep()', 'EXECUTE')", role) is False
