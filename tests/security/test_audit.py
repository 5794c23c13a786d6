"""Gate: every mutating route leaves exactly one row in the audit log, and none of them holds a secret."""

import json

import pytest

from mcp_gateway.kit import ids
from tests.support.audit import audit_rows, owner_of
from tests.support.routes import admin_routes

MUTATING = {"POST", "PUT", "PATCH", "DELETE"}
NO_CHANGE = {"/integrated-account/{account_id}/tools/{tool_name}"}
"""A tool call changes nothing of the gateway's; it is in the log of tool calls."""
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
