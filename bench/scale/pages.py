"""What a page of each list costs: rows the database reads for it, and the time over HTTP.

Rows are PostgreSQL's own count, functions included.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from bench.scale.provision import Provisioned
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.support.table_reads import rows_read

from mcp_gateway.config import parse_encryption_keys
from mcp_gateway.kit import tokens
from mcp_gateway.kit.cursor import CursorSigner
from mcp_gateway.models.tool_calls import CallFilter
from mcp_gateway.schema.isolation import TENANT_SETTING
from mcp_gateway.services.paging import ListCursors
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.servers import ServerStore
from mcp_gateway.storage.tool_calls import ToolCallStore
from mcp_gateway.storage.without_tenant import AcrossTenants

LIMIT = 100
REQUESTS = 20
WHERE = ("first", "middle", "last")


@dataclass(frozen=True)
class List:
    """One list: how the gateway reads a page, and where it is over HTTP."""

    name: str
    read: Callable[[AsyncConnection, str | None], Awaitable[Any]]
    path: str
    scope: str
    """What its cursors are bound to."""
    tenant: str | None = None
    """In whose name the transaction is; None for the operator's functions."""
    positions: str = ""
    """Name of the list whose positions are used; its own unless given."""


def lists(made: Provisioned) -> list[List]:
    tenant, account, limit, every = made.large_tenant, made.large_account, LIMIT, CallFilter()
    errors, of_server = CallFilter(status="rate_limited"), CallFilter(server_id=made.servers[-1][2])
    return [
        List("tenants", lambda c, after: AcrossTenants(c).list_tenants(limit=limit, after=after), "/tenant", "tenants"),
        List(
            "accounts",
            lambda c, after: AcrossTenants(c).list_accounts(limit=limit, after=after),
            "/integrated-account",
            "accounts:None",
        ),
        List(
            "api_tokens",
            lambda c, after: AcrossTenants(c).list_api_tokens(limit=limit, after=after),
            "/api-token",
            "api-tokens:None",
        ),
        List(
            "servers",
            lambda c, after: ServerStore(c).list_page(tenant, account, limit=limit, after=after),
            f"/integrated-account/{account}/mcp",
            f"servers:None:{account}",
            tenant,
        ),
        List(
            "log",
            lambda c, after: AcrossTenants(c).list_tool_calls(every, limit=limit, after=after),
            "/log?log_type=mcp",
            f"log:mcp:None:None:{every}",
        ),
        List(
            "log, errors only",
            lambda c, after: AcrossTenants(c).list_tool_calls(errors, limit=limit, after=after),
            "/log?log_type=mcp&status=rate_limited",
            f"log:mcp:None:None:{errors}",
            positions="log",
        ),
        List(
            "log of a server",
            lambda c, after: AcrossTenants(c).list_tool_calls(of_server, limit=limit, after=after),
            f"/log?log_type=mcp&mcp_server_id={made.servers[-1][2]}",
            f"log:mcp:None:None:{of_server}",
            positions="log",
        ),
        List(
            "log of the large tenant",
            lambda c, after: ToolCallStore(c).list_page(tenant, every, limit=limit, after=after),
            f"/log?log_type=mcp&tenant_id={tenant}",
            f"log:mcp:None:{tenant}:{every}",
            tenant,
        ),
    ]


async def reads(environment: Mapping[str, str], made: Provisioned) -> dict[str, dict[str, Any]]:
    """List and place to rows read, and rows that came back."""
    found: dict[str, dict[str, Any]] = {}
    engine = open_engine(environment["GATEWAY_DATABASE_URL"], pool_size=1, statement_seconds=60)
    try:
        for one in lists(made):
            for place in WHERE:
                async with engine.connect() as connection:
                    found[f"{one.name}, {place}"] = await _counted(connection, one, _position(one, made, place))
        async with engine.connect() as connection:
            found["look-up of a token"] = await _looked_up(connection, made.paths[-1])
            found["look-up of a token of the large tenant"] = await _looked_up(connection, made.paths[0])
    finally:
        await engine.dispose()
    return found


async def _counted(connection: AsyncConnection, one: List, after: str | None) -> dict[str, Any]:
    async with connection.begin():
        if one.tenant is not None:
            await connection.execute(select(func.set_config(TENANT_SETTING, one.tenant, True)))
        rows, page = await rows_read(connection, lambda: one.read(connection, after))
    return {"rows": rows, "items": len(page.items)}


def times_over_http(url: str, environment: Mapping[str, str], made: Provisioned) -> dict[str, float]:
    """List and place to the median milliseconds of a page."""
    key = next(iter(parse_encryption_keys(SecretStr(environment["GATEWAY_ENCRYPTION_KEYS"])).values()))
    cursors = ListCursors(CursorSigner([key]))
    headers = {"authorization": f"Bearer {environment['GATEWAY_OPERATOR_KEY']}"}
    found = {}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        for one in lists(made):
            for place in WHERE:
                cursor = cursors.cursor(one.scope, _position(one, made, place))
                query: dict[str, Any] = {"limit": LIMIT} | ({} if cursor is None else {"next_cursor": cursor})
                times = []
                for _ in range(REQUESTS):
                    began = time.perf_counter()
                    answer = client.get(httpx.URL(one.path).copy_merge_params(query))
                    times.append((time.perf_counter() - began) * 1000)
                    if not answer.is_success:
                        raise SystemExit(f"{one.name}, {place}: {answer.status_code} {answer.text[:300]}")
                found[f"{one.name}, {place}"] = statistics.median(times)
    return found


def _position(one: List, made: Provisioned, place: str) -> str | None:
    name = one.positions or one.name
    return {"first": None, "middle": made.middle[name], "last": made.oldest[name]}[place]


async def _looked_up(connection: AsyncConnection, path: str) -> dict[str, Any]:
    """A token that no cache holds."""
    digest = tokens.digest(path.rpartition("/")[2])
    tenant_id = func.public.tenant_by_server_digest(digest)
    servers = ServerStore(connection)

    async def look_up() -> object:
        entered = await connection.scalar(select(func.set_config(TENANT_SETTING, tenant_id, True)))
        return await servers.find_by_digest(entered, digest)

    async with connection.begin():
        rows, principal = await rows_read(connection, look_up)
    assert principal is not None
    return {"rows": rows, "items": 1}
