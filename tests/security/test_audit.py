"""Gate: every mutating route leaves exactly one row in the audit log, and none of them holds a secret."""

import asyncio
import json

import pytest
from pydantic import SecretStr

from mcp_gateway.config import parse_encryption_keys
from mcp_gateway.kit import ids
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.storage.audit import LABEL
from mcp_gateway.storage.audit_check import check_log
from mcp_gateway.storage.database import open_engine
from tests.support.audit import audit_rows, owner_of
from tests.support.gateways import ENCRYPTION_KEYS, running_gateway, settings_for
from tests.support.peers import Peer, always, answer
from tests.support.routes import admin_routes

MUTATING = {"POST", "PUT", "PATCH", "DELETE"}
NO_CHANGE = {"/integrated-account/{account_id}/tools/{tool_name}"}
"""A tool call changes nothing of the gateway's; it is in the log of tool calls."""
LIST = "list_all_richpanel_conversations"
KEY = "rp_canary_key_of_the_audit"


@pytest.fixture
async def routes(gateway):
    """Generated from the route table, so that a new route is held to it from its first day."""
    return [route for route in await admin_routes(gateway) if route.method in MUTATING and route.path not in NO_CHANGE]


async def objects(gateway):
    """One object of every kind, all of one tenant, and the secrets they came with."""
    server = await gateway.server(api_key=KEY)
    token = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})
    names = {
        "tenant_id": server.tenant_id,
        "token_id": token["id"],
        "account_id": server.account_id,
        "mcp_id": server.id,
    }
    return names, [KEY, server.token, token["token"]]


def body_of(route, names):
    """The route's example, made to fit: the operator names the tenant, and keys are of a form that is taken."""
    if route.example is None or route.path == "/tenant" or route.method != "POST":
        return route.example
    body = dict(route.example)
    if not route.parameters:
        body["tenant_id"] = names["tenant_id"]
    if "credentials" in body:
        body["credentials"] = {"api_key": KEY}
    return body


async def count_rows(stores):
    async with owner_of(stores) as connection:
        return await connection.fetchval("SELECT count(*) FROM audit_log")


async def test_every_mutating_route_writes_exactly_one_row_in_its_tenants_chain(gateway, stores, routes, figures):
    counts: dict[str, int] = {}
    rows: list[object] = []
    secrets: list[str] = []
    for number, route in enumerate(routes):
        names, made = await objects(gateway)
        before = await count_rows(stores)
        headers = {"x-request-id": f"gate-{number}"}
        response = await gateway.admin(route.method, route.at(**names), body_of(route, names), headers=headers)
        assert response.status_code < 300, (route, response.text)
        answer = response.json()
        counts[f"{route.method} {route.path}"] = await count_rows(stores) - before
        chain = await audit_rows(stores, answer["id"] if route.path == "/tenant" else names["tenant_id"])
        assert chain[-1]["request_id"] == f"gate-{number}", route
        rows += chain
        secrets += [*made, *(answer[name] for name in ("token", "url") if name in answer)]
    assert len(counts) >= 10
    right = [name for name, count in counts.items() if count == 1]
    measured = f"{len(right)} of {len(counts)}"
    holds = len(right) == len(counts)
    figures.record(
        "audit", "mutating routes that write exactly one row", measured=measured, bar="all", n=len(counts), holds=holds
    )
    text = json.dumps(rows, default=repr)
    found = [secret for secret in secrets if secret in text]
    figures.record("audit", "secrets in its rows", measured=len(found), bar="0", n=len(secrets), holds=not found)


async def test_a_change_that_does_not_commit_leaves_no_row(gateway, stores):
    names, _ = await objects(gateway)
    before = await audit_rows(stores, names["tenant_id"])
    path = f"/integrated-account/{names['account_id']}/mcp/{ids.new_id(ids.SERVER)}"
    assert (await gateway.admin("DELETE", path)).status_code == 404
    assert await audit_rows(stores, names["tenant_id"]) == before


async def test_changes_at_the_same_time_leave_whole_chains(gateway, stores, figures, scale):
    count = scale(full=200, quick=24)
    tenants = [await gateway.tenant() for _ in range(2)]
    accounts = {tenant_id: await gateway.account(tenant_id) for tenant_id in tenants}
    turn = asyncio.Semaphore(16)

    async def change(number):
        tenant_id = tenants[number % 2]
        path = f"/integrated-account/{accounts[tenant_id]}"
        async with turn:
            if number % 3:
                response = await gateway.admin("PATCH", path, {"name": f"n{number}"})
            else:
                response = await gateway.admin("POST", f"{path}/mcp", {"name": f"s{number}"})
        # Too many for the connections there are is an answer too, and leaves neither change nor row.
        assert response.status_code in {200, 201, 503}, response.text
        return response.status_code != 503

    done = sum(await asyncio.gather(*(change(number) for number in range(count))))
    assert done
    engine = open_engine(stores.owner_url, pool_size=1)
    chain = HashChain(parse_encryption_keys(SecretStr(ENCRYPTION_KEYS)), LABEL)
    reports = [await check_log(engine, chain, tenant_id=tenant_id) for tenant_id in tenants]
    await engine.dispose()
    rows = sum(report.rows for report in reports) - 4  # of the two tenants and the two accounts
    broken = [one for report in reports for one in report.broken]
    figures.record(
        "audit",
        "rows of changes made at the same time, in whole chains",
        measured=f"{rows} of {done}, {len(broken)} chains broken",
        bar="all, 0",
        n=count,
        holds=rows == done and not broken,
    )


async def test_every_tool_call_is_in_the_log_once(stores, figures, scale):
    count = scale(full=1_000, quick=60)
    ticket = always(answer(b'{"ticket": [{"id": "a"}]}'))
    async with Peer(ticket) as peer, running_gateway(settings_for(stores, richpanel_url=peer.url)) as gateway:
        server = await gateway.server()
        turn = asyncio.Semaphore(4)

        async def call(number):
            async with turn:
                await gateway.call(server.token, LIST, {"limit": 1 + number % 100})

        await asyncio.gather(*(call(number) for number in range(count)))
    async with owner_of(stores) as connection:
        rows = await connection.fetchval("SELECT count(*) FROM tool_calls WHERE server_id = $1", server.id)
    figures.record(
        "audit",
        "tool calls in the log once the process has stopped",
        measured=rows,
        bar="all",
        n=count,
        holds=rows == count,
    )
