"""`GET /audit-log`: what a change leaves behind, who sees it, and how it is searched."""

import asyncpg
import pytest

from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.audit import audit_rows, owner_of
from tests.support.problems import problem

KEY = "rp_first_key_0001"
SECOND_KEY = "rp_second_key_0002"


async def log(gateway, **more):
    response = await gateway.admin("GET", "/audit-log", **more)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
async def tenant_id(gateway):
    return await gateway.tenant()


async def test_a_change_is_told_with_who_what_and_the_request(gateway, tenant_id):
    key = await gateway.made("/api-token", {"name": "ops", "tenant_id": tenant_id})
    account_id = await gateway.account(tenant_id)
    response = await gateway.admin(
        "POST",
        f"/integrated-account/{account_id}/mcp",
        {"name": "orders", "config": {"tags": ["orders"]}},
        key=key["token"],
        headers={"x-request-id": "audit-1"},
    )
    newest = (await log(gateway, key=key["token"]))["result"][0]
    server = response.json()
    assert newest == {
        "id": newest["id"],
        "tenant_id": tenant_id,
        "seq": 4,
        "created_at": newest["created_at"],
        "actor_kind": "api_token",
        "actor_id": key["id"],
        "action": "mcp_server.create",
        "object_type": "mcp_server",
        "object_id": server["id"],
        "before": None,
        "after": {
            "integrated_account_id": account_id,
            "name": "orders",
            "config": {"tags": ["orders"]},
            "expires_at": None,
        },
        "request_id": "audit-1",
    }
    assert newest["id"].startswith("aud_")


async def test_a_patch_tells_before_and_after(gateway, tenant_id):
    account_id = await gateway.account(tenant_id, KEY)
    await gateway.admin("PATCH", f"/integrated-account/{account_id}", {"credentials": {"api_key": SECOND_KEY}})
    newest = (await log(gateway, params={"tenant_id": tenant_id}))["result"][0]
    shop = {"integration": "richpanel", "name": "shop"}
    assert newest["before"] == {**shop, "credentials_hint": "0001"}
    assert newest["after"] == {**shop, "credentials_hint": "0002", "credentials_replaced": True}
    assert newest["actor_kind"] == "operator"
    assert len(newest["actor_id"]) == 12


async def test_what_was_refused_or_changed_nothing_leaves_no_row(gateway, stores, tenant_id):
    account_id = await gateway.account(tenant_id)
    before = await audit_rows(stores, tenant_id)
    path = f"/integrated-account/{account_id}"
    problem(
        await gateway.admin("POST", f"{path}/mcp", {"name": "x", "config": {"tags": ["none"]}}), 422, "invalid_input"
    )
    problem(await gateway.admin("PATCH", path, {"name": "y"}, headers={"if-match": '"7"'}), 412, "stale_version")
    problem(await gateway.admin("DELETE", "/api-token/tok_01kb0g4t6v9m3q8r5x2y7w1z0c"), 404, "not_found")
    assert (await gateway.admin("PATCH", path, {})).status_code == 200
    assert await audit_rows(stores, tenant_id) == before


async def test_rows_outlive_their_tenant(gateway, tenant_id):
    await gateway.server(tenant_id=tenant_id)
    await gateway.admin("DELETE", f"/tenant/{tenant_id}")
    found = (await log(gateway, params={"tenant_id": tenant_id}))["result"]
    assert [row["action"] for row in found] == [
        "tenant.delete",
        "mcp_server.create",
        "integrated_account.create",
        "tenant.create",
    ]
    assert found[0]["before"]["tokens_deleted"] == 1
    assert found[0]["after"] is None


async def test_a_tenant_sees_its_own_rows_only(gateway, tenant_id):
    await gateway.server()
    key = await gateway.api_token(tenant_id)
    assert {row["tenant_id"] for row in (await log(gateway, key=key))["result"]} == {tenant_id}
    assert (await log(gateway, key=key, params={"tenant_id": tenant_id}))["result"]
    response = await gateway.admin("GET", "/audit-log", key=key, params={"tenant_id": await gateway.tenant()})
    problem(response, 422, "invalid_input")


async def test_pages_lead_through_all_rows_once_newest_first(gateway, tenant_id):
    for number in range(6):
        await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": f"name {number}"})
    seen, cursor = [], None
    while True:
        params = {"tenant_id": tenant_id, "limit": "3"} | ({"next_cursor": cursor} if cursor else {})
        page = await log(gateway, params=params)
        seen += [row["seq"] for row in page["result"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_operator_sees_all_tenants_and_pages_through_them(gateway):
    tenants = {await gateway.tenant() for _ in range(3)}
    first = await log(gateway, params={"limit": "2"})
    second = await log(gateway, params={"limit": "1", "next_cursor": first["next_cursor"]})
    rows = first["result"] + second["result"]
    assert {row["tenant_id"] for row in rows} == tenants
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    only = await log(gateway, params={"object_id": rows[0]["object_id"], "action": "tenant.create"})
    assert [row["id"] for row in only["result"]] == [rows[0]["id"]]


async def test_cursor_of_another_filter_is_refused(gateway, tenant_id):
    await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": "new"})
    cursor = (await log(gateway, params={"tenant_id": tenant_id, "limit": "1"}))["next_cursor"]
    problem(await gateway.admin("GET", "/audit-log", params={"next_cursor": cursor}), 422, "invalid_input")


async def test_filters_narrow(gateway, tenant_id):
    server = await gateway.server(tenant_id=tenant_id)
    await gateway.admin("DELETE", f"/integrated-account/{server.account_id}/mcp/{server.id}")
    rows = (await log(gateway, params={"tenant_id": tenant_id}))["result"]

    async def ids(**params):
        return [row["seq"] for row in (await log(gateway, params={"tenant_id": tenant_id, **params}))["result"]]

    assert await ids(action="mcp_server.delete") == [4]
    assert await ids(object_type="mcp_server") == [4, 3]
    assert await ids(object_id=server.account_id) == [2]
    assert await ids(**{"created_at[gt]": rows[1]["created_at"]}) == [4]
    assert await ids(**{"created_at[lt]": rows[1]["created_at"]}) == [2, 1]
    between = {"created_at[gt]": rows[3]["created_at"], "created_at[lt]": rows[0]["created_at"]}
    everyone = (await log(gateway, params=between))["result"]
    assert [row["seq"] for row in everyone if row["tenant_id"] == tenant_id] == [3, 2]
    assert (await log(gateway, params={"created_at[lt]": "0001-01-01T00:00:00Z"}))["result"] == []
    assert (await log(gateway, params={"created_at[gt]": "9999-12-31T23:59:59.999999Z"}))["result"] == []
    assert (await log(gateway, params={"created_at[lt]": "9999-12-31T23:59:59.999999Z"}))["result"]


async def test_unknown_filter_is_refused_and_the_known_are_named(gateway):
    response = await gateway.admin("GET", "/audit-log", params={"created_at": "2026-01-01T00:00:00Z", "actor": "x"})
    body = problem(response, 422, "invalid_input")
    assert {error["path"] for error in body["errors"]} == {"created_at", "actor"}
    assert "created_at[gt]" in body["errors"][0]["allowed"]


@pytest.mark.parametrize("value", ["yesterday", "2026-01-01", "1767225600"])
async def test_a_time_that_is_none_is_refused(gateway, value):
    problem(await gateway.admin("GET", "/audit-log", params={"created_at[gt]": value}), 422, "invalid_input")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'tenant.create' WHERE tenant_id = $1",
        "DELETE FROM audit_log WHERE tenant_id = $1",
        "TRUNCATE audit_log",
        "DELETE FROM audit_heads WHERE tenant_id = $1",
        "TRUNCATE audit_heads",
        "UPDATE audit_heads SET seq = seq - 1 WHERE tenant_id = $1",
    ],
)
async def test_neither_role_changes_or_deletes_a_row(stores, tenant_id, statement):
    before = await audit_rows(stores, tenant_id)
    assert before
    for url in (stores.owner_url, stores.database_url):
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("SELECT set_config('app.tenant', $1, false)", tenant_id)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement, *([tenant_id] if "$1" in statement else []))
        finally:
            await connection.close()
    assert await audit_rows(stores, tenant_id) == before


async def test_a_session_that_says_it_only_replicates_is_refused_too(stores):
    async with owner_of(stores) as connection:
        states = await connection.fetch("SELECT tgenabled FROM pg_trigger WHERE tgname LIKE 'audit\\_%'")
    assert [state["tgenabled"] for state in states] == [b"A"] * 5


async def test_a_request_id_that_looks_like_a_secret_is_not_taken_over(gateway, stores):
    tenant_id = await gateway.tenant()
    for given in (tokens.mint(API_TOKEN_PREFIX).token, tokens.mint(MCP_TOKEN_PREFIX).token, "rp_a_key_of_richpanel"):
        answer = await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": "n"}, headers={"x-request-id": given})
        assert answer.headers["x-request-id"].startswith("req_")
    assert all(row["request_id"].startswith("req_") for row in await audit_rows(stores, tenant_id))
