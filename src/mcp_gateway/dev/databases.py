"""Makes a database with the two roles the gateway asks for: one that owns it, one that only uses it."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

LOCK_KEY = 7_305_122_004
"""Advisory lock that lets concurrent test processes create roles one after the other; any fixed number does."""

ROLE_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseURLs:
    """Two ways into one database; each holds a password, so neither is in the repr."""

    owner: str
    app: str

    def __iter__(self) -> Iterator[str]:
        """`owner_url, app_url = create_database(…)`."""
        return iter((self.owner, self.app))


def create_database(
    admin_url: str,
    name: str,
    app_role: str,
    app_password: str,
    *,
    owner_role: str | None = None,
    owner_password: str | None = None,
) -> DatabaseURLs:
    """Make database `name`, its owner role and the application's role; done twice is done once.

    Neither role is a superuser or may bypass row-level security. The application's role owns nothing, and may use
    nothing until the migrations grant it tables. Works inside and outside a running event loop (it blocks; the
    connection runs on a thread of its own).

    Args:
        admin_url: `postgresql://…` of a superuser.
        name: of the database.
        app_role: may differ per database; roles are shared by the whole server.
        app_password: set anew on each call, for either role unless `owner_password` is given.
        owner_role: name of the owner; default `<name>_owner`.
        owner_password: of the owner.

    Raises:
        asyncpg.PostgresError: the server refused, e.g. `admin_url` is no superuser's.
        OSError: it cannot be reached.
    """
    owner = owner_role or f"{name}_owner"
    passwords = {owner: owner_password or app_password, app_role: app_password}
    _run(_create(admin_url, name, owner, app_role, passwords))
    return DatabaseURLs(
        owner=with_login(admin_url, owner, passwords[owner], name),
        app=with_login(admin_url, app_role, app_password, name),
    )


def drop_database(admin_url: str, name: str, *, roles: Iterable[str] = ()) -> None:
    """Remove a database with whatever is connected to it, and then these roles; what is not there is no error."""
    _run(_drop(admin_url, name, tuple(roles)))


def with_login(url: str, user: str, password: str, database: str) -> str:
    """The same server, another login and database; the host, in the authority or the query, stays."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{quote(database, safe='')}"))


def with_database(url: str, database: str) -> str:
    """The same server and login, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database, safe='')}"))


def database_of(url: str) -> str:
    """Name of the database in a URL."""
    return unquote(urlsplit(url).path.lstrip("/"))


def _run(coroutine: Any) -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, coroutine).result()


async def _create(admin_url: str, name: str, owner: str, app_role: str, passwords: dict[str, str]) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        for role, password in passwords.items():
            await _ensure_role(connection, role, password)
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await _execute(connection, "CREATE DATABASE %I OWNER %I", name, owner)
        await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
        await _execute(connection, "GRANT CONNECT ON DATABASE %I TO %I", name, app_role)
        await _open_schema(with_database(admin_url, name), app_role)
    finally:
        await connection.close()


async def _open_schema(database_url: str, app_role: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await _execute(connection, "GRANT USAGE ON SCHEMA public TO %I", app_role)
    finally:
        await connection.close()


async def _ensure_role(connection: Any, role: str, password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await _execute(connection, "CREATE ROLE %I", role)
    await _execute(connection, f"ALTER ROLE %I WITH {ROLE_ATTRIBUTES} PASSWORD %L", role, password)


async def _drop(admin_url: str, name: str, roles: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await _execute(connection, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name)
        for role in roles:
            await _execute(connection, "DROP ROLE IF EXISTS %I", role)
    finally:
        await connection.close()


async def _execute(connection: Any, template: str, *names: str) -> None:
    """Run a statement that takes no parameters (DDL), its names quoted by the server itself."""
    places = ", ".join(f"${number}::text" for number in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {places})", template, *names))
