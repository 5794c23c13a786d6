# ruff: noqa: S608 - tables of our own schema
"""Two tenants with a row of each in every table that has tenants' rows, and SQL in one tenant's name."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from mcp_gateway.schema.isolation import tenant_columns
from mcp_gateway.schema.tables import APPLICATION_PRIVILEGES
from tests.support.databases import connected
from tests.support.gateways import Gateway, Stores

WRITTEN_SECONDS = 20
"""How long a row that is written after the answer may take."""
SETTLED = {"mcp_servers": "last_used_at IS NOT NULL"}
"""By table, how a row looks once all has been written to it that follows the answers of `furnish`."""
TOOL = "list_all_richpanel_conversations"


@dataclass(frozen=True)
class Owned:
    """One tenant and one id of each kind of its objects."""

    tenant_id: str
    account_id: str
    server_id: str
    token_id: str
    mcp_token: str
    api_token: str


async def furnish(gateway: Gateway, canary: str) -> Owned:
    """A tenant that has done everything which leaves a row; `canary` is in all names."""
    tenant = await gateway.made("/tenant", {"name": canary})
    owner = {"tenant_id": tenant["id"]}
    api_token = await gateway.made("/api-token", {"name": canary, **owner})
    body = {"integration": "richpanel", "name": canary, "credentials": {"api_key": f"rp_key_of_{canary}"}}
    account = await gateway.made("/integrated-account", body, key=api_token["token"])
    path = f"/integrated-account/{account['id']}/mcp"
    once = {"idempotency-key": f"key-of-{tenant['id']}"}
    server = await gateway.made(path, {"name": canary, "config": {}}, key=api_token["token"], headers=once)
    await gateway.call(server["token"], TOOL, {})
    rotation = {"overlap_seconds": 3600}
    rotated = await gateway.admin("POST", f"{path}/{server['id']}/rotate", rotation, key=api_token["token"])
    assert rotated.status_code == 200, rotated.text
    mcp_token = rotated.json()["token"]
    return Owned(tenant["id"], account["id"], server["id"], api_token["id"], mcp_token, api_token["token"])


@contextlib.asynccontextmanager
async def in_the_name_of(connection: asyncpg.Connection, tenant_id: str) -> AsyncIterator[None]:
    """A transaction of this tenant, with no store and so no filter of the application's; rolled back at the end."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
        yield
    finally:
        await transaction.rollback()


async def a_row_of_each(stores: Stores, tenant_id: str) -> dict[str, dict[str, Any]]:
    """By table, a row of the tenant as the owner sees it; waits for what is written after the answer.

    A table without one fails: a new table needs something in `furnish` that writes to it.
    """
    rows: dict[str, dict[str, Any]] = {}
    async with connected(stores.owner_url) as connection, asyncio.timeout(WRITTEN_SECONDS):
        for table, column in tenant_columns().items():
            settled = SETTLED.get(table, "true")
            query = f"SELECT to_jsonb(t) FROM {table} t WHERE {column} = $1 AND {settled} LIMIT 1"
            while (row := await connection.fetchval(query, tenant_id)) is None:
                await asyncio.sleep(0.05)
            rows[table] = json.loads(row)
    return rows


async def is_untouched(stores: Stores, table: str, row: dict[str, Any]) -> bool:
    """Whether exactly this row is there."""
    async with connected(stores.owner_url) as connection:
        query = f"SELECT count(*) FROM {table} t WHERE to_jsonb(t) = $1::jsonb"
        return bool(await connection.fetchval(query, json.dumps(row)) == 1)


async def trespasses(stores: Stores, connection: asyncpg.Connection, table: str, ours: str, other: str) -> list[str]:
    """What SQL in our name, as the application's role and with no filter at all, does to the other tenant's rows.

    Reads, changes, deletes, and writes new ones and old ones in its name; an empty list when none of it gets through.
    """
    column, granted = tenant_columns()[table], APPLICATION_PRIVILEGES[table].split(", ")
    theirs = (await a_row_of_each(stores, other))[table]
    found = []
    async with in_the_name_of(connection, ours):
        owners = {row[0] for row in await connection.fetch(f"SELECT {column} FROM {table}")}
        found += ["read"] * (owners != {ours})
        if "UPDATE" in granted:
            changed = await connection.fetch(f"UPDATE {table} SET {column} = {column} RETURNING {column}")
            found += ["changed"] * ({row[0] for row in changed} != {ours})
        if "DELETE" in granted:
            query = f"DELETE FROM {table} WHERE {column} = $1 RETURNING 1"
            found += ["deleted"] * bool(await connection.fetch(query, other))
    copy = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::{table}, $1)"
    if "INSERT" in granted and not await _is_refused(connection, ours, copy, json.dumps(theirs)):
        found.append("written")
    given_away = f"UPDATE {table} SET {column} = $1"
    if "UPDATE" in granted and not await _is_refused(connection, ours, given_away, other):
        found.append("given away")
    if not await is_untouched(stores, table, theirs):
        found.append("not as it was")
    return [f"{table}: {one}" for one in found]


async def _is_refused(connection: asyncpg.Connection, tenant_id: str, query: str, value: str) -> bool:
    """Whether row-level security, and nothing else, stops the statement."""
    async with in_the_name_of(connection, tenant_id):
        try:
            await connection.execute(query, value)
        except asyncpg.InsufficientPrivilegeError as exc:
            return "row-level security" in str(exc)
        except asyncpg.IntegrityConstraintViolationError:
            # It got as far as the table's own constraints.
            return False
    return False
