"""Schema: bring it to the newest revision, grant the application's role its rights, and refuse an old one."""

from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import mcp_gateway
from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.schema.isolation import APPLICATION_FUNCTIONS, tenant_columns
from mcp_gateway.schema.tables import APPLICATION_PRIVILEGES
from mcp_gateway.storage.database import storage_faults

PACKAGE = Path(mcp_gateway.__file__).parent
# A wheel carries the migrations inside the package; a checkout has them at its top.
LOCATIONS = (PACKAGE / "_migrations", PACKAGE.parent.parent / "migrations")


def alembic_config() -> Config:
    """Where the migrations are."""
    config = Config()
    location = next((path for path in LOCATIONS if path.is_dir()), LOCATIONS[-1])
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _heads() -> Sequence[str]:
    return ScriptDirectory.from_config(alembic_config()).get_heads()


GRANT_LOCK = 7_221_014_930_178_223
"""Advisory lock held while granting."""


DEFINER_FUNCTIONS = (
    "SELECT oid::regprocedure::text FROM pg_proc "
    "WHERE prosecdef AND pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'MEMBER')"
)
"""Functions in our schema that run with the rights of the owner; not those an extension's installer owns."""


async def upgrade(engine: AsyncEngine) -> str:
    """Apply what is missing, as the owner's role; the revision reached.

    Raises:
        ConfigurationError: another role made the schema.
    """
    with storage_faults():
        async with engine.connect() as connection:
            await _check_same_owner(connection)
            await connection.run_sync(_upgrade)
    return ", ".join(_heads())


async def _check_same_owner(connection: AsyncConnection) -> None:
    """A superuser too: its tables would be closed to the functions that the owner has, and those end every look-up."""
    query = (
        "SELECT pg_get_userbyid(relowner) AS owner, current_user AS us FROM pg_class "
        "WHERE oid = to_regclass('public.alembic_version')"
    )
    found = (await connection.execute(text(query))).one_or_none()
    await connection.rollback()
    if found is not None and found.owner != found.us:
        raise ConfigurationError(
            f"GATEWAY_MIGRATION_DATABASE_URL names the role {found.us}, and the schema belongs to {found.owner}: "
            "one role must own all of it"
        )


async def has_audit_log(engine: AsyncEngine) -> bool:
    """Whether the schema is as new as the audit log; False for an empty database."""
    with storage_faults():
        async with engine.connect() as connection:
            return bool(await connection.scalar(text("SELECT to_regclass('public.audit_heads') IS NOT NULL")))


async def grant(engine: AsyncEngine, role: str) -> None:
    """Give the application's role exactly what APPLICATION_PRIVILEGES and APPLICATION_FUNCTIONS say."""
    with storage_faults():
        async with engine.begin() as connection:
            # Two at once would meet on the same rows of the system's catalog, and one would fail.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": GRANT_LOCK})
            quoted = await connection.scalar(text("SELECT quote_ident(:role)"), {"role": role})
            await connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {quoted}"))
            # Before PostgreSQL 15 everybody may create; a function of a caller's own could be taken for ours by who
            # sees every row.
            await connection.execute(text(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {quoted}"))
            for table, privileges in APPLICATION_PRIVILEGES.items():
                await connection.execute(text(f"REVOKE ALL ON {table} FROM {quoted}"))
                await connection.execute(text(f"GRANT {privileges} ON {table} TO {quoted}"))
            for function in await connection.scalars(text(DEFINER_FUNCTIONS)):
                await connection.execute(text(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC, {quoted}"))
            for function in APPLICATION_FUNCTIONS:
                await connection.execute(text(f"GRANT EXECUTE ON FUNCTION public.{function} TO {quoted}"))


async def check_schema(engine: AsyncEngine) -> None:
    """Refuse a database whose schema is not the one this code was written for.

    Raises:
        ConfigurationError: names both revisions and the command to run.
    """
    with storage_faults():
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    wanted = _heads()
    if set(found) != set(wanted):
        have = ", ".join(found) or "none"
        raise ConfigurationError(
            f"the database schema is at revision {have}, this version needs {', '.join(wanted)}: "
            "run `mcp-gateway migrate` first"
        )


async def check_role(engine: AsyncEngine) -> None:
    """Refuse a database role that could read past row-level security.

    Raises:
        ConfigurationError: says what is wrong with the role.
    """
    with storage_faults():
        async with engine.connect() as connection:
            faults = await _role_faults(connection)
    if faults:
        raise ConfigurationError(
            f"GATEWAY_DATABASE_URL names a database role that {' and '.join(faults)}; use the application's role, "
            "which owns nothing, is no superuser and cannot bypass row-level security"
        )


async def check_owner(engine: AsyncEngine) -> None:
    """Refuse a role that does not see every tenant's rows: it would find nothing to do, and nothing wrong.

    Raises:
        ConfigurationError: names the setting.
    """
    # USAGE and not MEMBER: a policy is for a role whose rights are inherited, not for one that could be taken on.
    query = (
        "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname = ANY(:tables)"
    )
    with storage_faults():
        async with engine.connect() as connection:
            is_owner = await connection.scalar(text(query), {"tables": list(tenant_columns())})
    if not is_owner:
        raise ConfigurationError("GATEWAY_MIGRATION_DATABASE_URL must name the owner's role: another sees no rows")


async def check_isolation(engine: AsyncEngine) -> None:
    """Refuse a database in which a table with tenants' rows is not behind row-level security, the owner included.

    The owner's policy has to name the owner: after a restore under another role the functions that look up tokens
    would find nothing, and every token would be dead.

    Raises:
        ConfigurationError: names the tables.
    """
    query = (
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced, EXISTS (SELECT 1 FROM pg_policy p "
        "WHERE p.polrelid = c.oid AND p.polname = 'owner_sees_all' AND p.polroles = ARRAY[c.relowner]) AS owned "
        "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
        "AND c.relname = ANY(:tables) ORDER BY c.relname"
    )
    with storage_faults():
        async with engine.connect() as connection:
            tables = (await connection.execute(text(query), {"tables": list(tenant_columns())})).all()
    if unforced := [table.relname for table in tables if not table.forced]:
        raise ConfigurationError(
            f"row-level security is not forced on {', '.join(unforced)}: ALTER TABLE … ENABLE ROW LEVEL SECURITY "
            "and … FORCE ROW LEVEL SECURITY, as the migrations left it"
        )
    if strange := [table.relname for table in tables if not table.owned]:
        raise ConfigurationError(
            f"the policy owner_sees_all does not name the owner of {', '.join(strange)} and nobody else: "
            "ALTER POLICY owner_sees_all ON … TO the role that owns the table"
        )


async def _role_faults(connection: AsyncConnection) -> list[str]:
    row = (
        await connection.execute(
            text(
                "SELECT bool_or(rolsuper) AS rolsuper, bool_or(rolbypassrls) AS rolbypassrls, "
                "EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                "        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
                "          AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns, "
                "has_schema_privilege('public', 'CREATE') AS creates "
                # Also roles it is a member of: it could become them.
                "FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')"
            )
        )
    ).one()
    named = (
        (row.rolsuper, "is a superuser"),
        (row.rolbypassrls, "can bypass row-level security"),
        (row.owns and not row.rolsuper, "owns tables"),
        (row.creates and not row.rolsuper and not row.owns, "may create objects in the schema public"),
    )
    return [fault for holds, fault in named if holds]
