import asyncio
import uuid

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.dev.databases import database_of, with_database, with_login
from mcp_gateway.dev.stores import create_database, drop_database


@pytest.fixture
def admin_url(postgres_admin_url):
    return postgres_admin_url


@pytest.fixture
def name(admin_url):
    """Of a database that does not exist yet."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield name
    drop_database(admin_url, name, roles=(f"{name}_owner", f"{name}_app"))


@pytest.fixture
def urls(admin_url, name):
    return create_database(admin_url, name, f"{name}_app", "it's a/secret@:?")


async def run(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


async def test_neither_role_is_a_superuser_or_bypasses_row_level_security(urls):
    for url in urls:
        (row,) = await run(
            url, "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert tuple(row) == (False, False, False)


async def test_the_application_uses_what_it_was_granted_and_owns_nothing(urls, name):
    await run(urls.owner, "CREATE TABLE thing (id serial PRIMARY KEY)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(urls.app, "SELECT * FROM thing")
    await run(urls.owner, f"GRANT SELECT ON thing TO {name}_app")
    assert await run(urls.app, "SELECT * FROM thing") == []
    for forbidden in ("CREATE TABLE mine ()", "DROP TABLE thing", "ALTER TABLE thing ADD x int", "DELETE FROM thing"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(urls.app, forbidden)


async def test_roles_of_another_database_cannot_connect(urls, name, admin_url):
    other = f"{name}_other"
    create_database(admin_url, other, f"{other}_app", "x")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(with_login(urls.app, f"{other}_app", "x", name), "SELECT 1")
    drop_database(admin_url, other, roles=(f"{other}_owner", f"{other}_app"))


async def test_done_twice_is_done_once(urls, name, admin_url):
    await run(urls.owner, "CREATE TABLE thing ()")
    await run(urls.owner, f"GRANT SELECT ON thing TO {name}_app")
    again = create_database(admin_url, name, f"{name}_app", "it's a/secret@:?")
    assert again == urls
    assert await run(again.app, "SELECT * FROM thing") == []


async def test_several_at_once_do_not_stand_in_each_others_way(admin_url, name):
    made = await asyncio.gather(
        *(asyncio.to_thread(create_database, admin_url, name, f"{name}_app", "x") for _ in range(4))
    )
    assert len({tuple(urls) for urls in made}) == 1


async def test_a_database_in_use_is_dropped_with_its_roles(urls, name, admin_url):
    connection = await asyncpg.connect(urls.owner)
    drop_database(admin_url, name, roles=(f"{name}_owner", f"{name}_app"))
    with pytest.raises(asyncpg.PostgresError):
        await connection.fetchval("SELECT 1")
    await connection.close()
    roles = await run(admin_url, "SELECT rolname FROM pg_roles")
    assert not [role for role in roles if role["rolname"].startswith(name)]


def test_passwords_are_not_in_the_repr(urls):
    assert "secret" not in repr(urls)


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_name_survives_its_url(name):
    admin = "postgresql://postgres:old@db.example:5433/postgres?host=/run/pg&ssl=disable"
    assert database_of(with_database(admin, name)) == name
    changed = with_login(admin, name, name, "d")
    assert changed.endswith("@db.example:5433/d?host=/run/pg&ssl=disable")
    assert "old" not in changed.replace(name, "")
