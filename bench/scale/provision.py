"""Tenants, accounts, servers, API tokens and logged calls, in bulk: rows as the gateway itself would have written them.

Every server works: its token is minted and its account's key sealed by the package's own functions. COPY cannot write
to a table behind row-level security, so rows are copied to a temporary table and inserted from there, by the owner.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import asyncpg
from bench.peers.spec import TICKET_TOOL
from pydantic import SecretStr

from mcp_gateway.config import parse_encryption_keys
from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.kit import ids, tokens
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.models.accounts import key_context

LARGE_SHARE = 0.1
"""Of all servers, in one account: an account whose list has many pages."""
LOG_DAYS = 20
"""Fewer than the log is kept."""
LOG_BATCH = 50_000
RARE = 50
"""One logged call in so many ended with an error."""
PEOPLE = random.Random(7)

Row = tuple[Any, ...]


@dataclass
class Provisioned:
    """What is there now."""

    large_tenant: str = ""
    large_account: str = ""
    """With LARGE_SHARE of the servers."""
    servers: list[tuple[str, str, str]] = field(default_factory=list)
    """Tenant, account and server."""
    paths: list[str] = field(default_factory=list)
    """Of each server, for MCP."""
    calls: int = 0
    oldest: dict[str, str] = field(default_factory=dict)
    """Of each list, the id at its far end."""
    middle: dict[str, str] = field(default_factory=dict)


async def provision(environment: Mapping[str, str], *, servers: int, tenants: int, calls: int) -> Provisioned:
    """Fill an empty, migrated database; `servers` over `tenants`, with `calls` in the log."""
    connection = await asyncpg.connect(environment["GATEWAY_MIGRATION_DATABASE_URL"])
    try:
        sealer = Sealer(parse_encryption_keys(SecretStr(environment["GATEWAY_ENCRYPTION_KEYS"])))
        made = await _objects(connection, sealer, servers, tenants)
        made.calls = calls
        rows = _calls(made, calls)
        for _ in range(0, calls, LOG_BATCH):
            await _insert(connection, "tool_calls", CALL_COLUMNS, islice(rows, LOG_BATCH))
        await connection.execute("ANALYZE")
        await _positions(connection, made)
    finally:
        await connection.close()
    return made


async def sizes(environment: Mapping[str, str]) -> dict[str, float]:
    """Bytes a row of each table, its indexes included."""
    query = "SELECT pg_total_relation_size($1::regclass)::float / greatest(1, (SELECT count(*) FROM {}))"
    connection = await asyncpg.connect(environment["GATEWAY_MIGRATION_DATABASE_URL"])
    try:
        tables = ("tenants", "integrated_accounts", "mcp_servers", "api_tokens", "tool_calls")
        return {table: await connection.fetchval(query.format(table), table) for table in tables}
    finally:
        await connection.close()


async def _objects(connection: Any, sealer: Sealer, servers: int, tenants: int) -> Provisioned:
    made = Provisioned()
    at = datetime.now(UTC) - timedelta(days=90)
    tenant_ids = [ids.new_id(ids.TENANT, at + timedelta(seconds=number)) for number in range(tenants)]
    account_ids = [ids.new_id(ids.ACCOUNT, at + timedelta(seconds=number)) for number in range(tenants)]
    owners = list(zip(tenant_ids, account_ids, strict=True))
    made.large_tenant, made.large_account = owners[0]
    await _insert(connection, "tenants", ("id", "name"), ((one, "Shop") for one in tenant_ids))
    await _insert(connection, "integrated_accounts", ACCOUNT_COLUMNS, (_account(sealer, *one) for one in owners))
    await _insert(connection, "api_tokens", API_TOKEN_COLUMNS, map(_api_token, tenant_ids))
    large = int(servers * LARGE_SHARE) if tenants > 1 else servers
    rows = []
    for number in range(servers):
        tenant_id, account_id = owners[0] if number < large else owners[1 + number % (tenants - 1)]
        minted = tokens.mint(MCP_TOKEN_PREFIX)
        server_id = ids.new_id(ids.SERVER, at + timedelta(seconds=number))
        rows.append((server_id, tenant_id, account_id, "Shop", "{}", minted.digest, minted.hint))
        made.servers.append((tenant_id, account_id, server_id))
        made.paths.append(f"/mcp/{minted.token}")
    await _insert(connection, "mcp_servers", SERVER_COLUMNS, rows)
    return made


ACCOUNT_COLUMNS = ("id", "tenant_id", "integration", "name", "sealed_api_key", "credentials_hint")
API_TOKEN_COLUMNS = ("id", "tenant_id", "name", "token_digest", "token_hint", "scopes")
SERVER_COLUMNS = ("id", "tenant_id", "account_id", "name", "config", "token_digest", "token_hint")
CALL_COLUMNS = (
    *("id", "tenant_id", "account_id", "server_id", "created_at", "tool", "status", "duration_ms", "upstream_status"),
    *("upstream_ms", "caller_gone", "client", "arguments_hash", "arguments_truncated", "request_id"),
)


def _account(sealer: Sealer, tenant_id: str, account_id: str) -> Row:
    key = f"rp_bench_{PEOPLE.getrandbits(64):016x}"
    return account_id, tenant_id, "richpanel", "Shop", sealer.seal(key, key_context(tenant_id, account_id)), key[-4:]


def _api_token(tenant_id: str) -> Row:
    minted = tokens.mint(API_TOKEN_PREFIX)
    return ids.new_id(ids.API_TOKEN), tenant_id, "ci", minted.digest, minted.hint, ["read"]


def _calls(made: Provisioned, calls: int) -> Iterator[Row]:
    """Of all servers, the oldest first."""
    start = datetime.now(UTC) - timedelta(days=LOG_DAYS)
    step = timedelta(days=LOG_DAYS) / max(1, calls)
    for number in range(calls):
        tenant_id, account_id, server_id = PEOPLE.choice(made.servers)
        at = start + step * number
        status, upstream = ("rate_limited", 429) if number % RARE == 0 else ("ok", 200)
        yield (
            *(ids.new_id(ids.TOOL_CALL, at), tenant_id, account_id, server_id, at, TICKET_TOOL, status),
            *(41.5, upstream, 40.0, False, "bench", f"{PEOPLE.getrandbits(128):032x}", False),
            f"{PEOPLE.getrandbits(128):032x}",
        )


async def _insert(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    listed = ", ".join(columns)
    await connection.execute(f"CREATE TEMP TABLE incoming AS SELECT {listed} FROM {table} LIMIT 0")
    await connection.copy_records_to_table("incoming", columns=columns, records=rows)
    await connection.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM incoming")
    await connection.execute("DROP TABLE incoming")


async def _positions(connection: Any, made: Provisioned) -> None:
    """Where the middle and the last full page of each list begin; lists go from the newest id to the oldest."""
    lists = {
        "tenants": ("tenants", "true"),
        "accounts": ("integrated_accounts", "true"),
        "api_tokens": ("api_tokens", "true"),
        "servers": ("mcp_servers", f"account_id = '{made.large_account}'"),
        "log": ("tool_calls", "true"),
        "log of the large tenant": ("tool_calls", f"tenant_id = '{made.large_tenant}'"),
    }
    for name, (table, where) in lists.items():
        count = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
        query = f"SELECT id FROM {table} WHERE {where} ORDER BY id OFFSET $1 LIMIT 1"
        made.middle[name] = await connection.fetchval(query, count // 2) or ""
        made.oldest[name] = await connection.fetchval(query, min(100, max(0, count - 1))) or ""
