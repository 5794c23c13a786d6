"""What a tenant may see and name; tests/security/test_g02_isolation.py tries every route with foreign ids."""

import pytest

from mcp_gateway.kit import ids
from tests.support.problems import anonymous, problem
from tests.support.routes import admin_routes

PREFIXES = {"tenant_id": ids.TENANT, "token_id": ids.API_TOKEN, "account_id": ids.ACCOUNT, "mcp_id": ids.SERVER}
TOOL = "list_all_richpanel_conversations"
OPERATOR_ONLY = ("/tenant", "/metrics")


@pytest.fixture
async def routes(gateway):
    return await admin_routes(gateway)


@pytest.fixture
async def owner(gateway) -> dict[str, str]:
    """One id of every kind, all of one tenant, and a token that is in none of the tests' hands."""
    server = await gateway.server()
    token = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})
    return {
        "tenant_id": server.tenant_id,
        "token_id": token["id"],
        "account_id": server.account_id,
        "mcp_id": server.id,
        "tool_name": TOOL,
        "secret": server.token,
        "key": token["token"],
    }


async def test_malformed_id_is_answered_like_one_that_never_was(gateway, routes):
    absent = {name: ids.new_id(prefix) for name, prefix in PREFIXES.items()} | {"tool_name": TOOL}
    for route in routes:
        if not set(route.parameters) & set(PREFIXES):
            continue
        expected = anonymous(await gateway.admin(route.method, route.at(**absent), route.example))
        for bad in ("x", "%00", "ten_%F0", "acc_" + "0" * 25, "ten_" + "U" * 26, "%ED%A0%80", "a%0Db"):
            malformed = dict.fromkeys(route.parameters, bad)
            answer = await gateway.admin(route.method, route.at(**malformed), route.example)
            assert anonymous(answer) == expected, (route, bad)


async def test_lists_show_a_tenant_its_own_rows_only(gateway, owner):
    key = await gateway.api_token(await gateway.tenant())
    for path, count in (("/integrated-account", 0), ("/api-token", 1)):
        assert len((await gateway.admin("GET", path, key=key)).json()["result"]) == count
    assert owner["account_id"] not in (await gateway.admin("GET", "/integrated-account", key=key)).text


async def test_operator_routes_are_403_for_a_tenant_even_about_itself(gateway, routes, owner):
    checked = 0
    for route in routes:
        if route.path.startswith(OPERATOR_ONLY):
            answer = await gateway.admin(route.method, route.at(**owner), route.example, key=owner["key"])
            assert "operator" in problem(answer, 403, "permission_denied")["detail"]
            checked += 1
    assert checked >= 6
    await still_there(gateway, owner)


async def test_tenant_is_never_taken_from_a_header_or_query(gateway, owner):
    key = await gateway.api_token(await gateway.tenant())
    hints = {"x-tenant-id": owner["tenant_id"], "tenant_id": owner["tenant_id"]}
    response = await gateway.admin("GET", "/integrated-account", key=key, headers=hints, params=hints)
    assert owner["account_id"] not in response.text
    problem(
        await gateway.admin("GET", f"/integrated-account/{owner['account_id']}", key=key, headers=hints),
        404,
        "not_found",
    )


async def still_there(gateway, owner):
    """Nothing of the owner's was touched."""
    path = f"/integrated-account/{owner['account_id']}"
    assert (await gateway.admin("GET", path, key=owner["key"])).headers["etag"] == '"1"'
    server = await gateway.admin("GET", f"{path}/mcp/{owner['mcp_id']}", key=owner["key"])
    assert (server.json()["name"], server.headers["etag"]) == ("s", '"1"')
    assert len((await gateway.admin("GET", f"{path}/mcp", key=owner["key"])).json()["result"]) == 1
    assert (await gateway.admin("GET", f"/tenant/{owner['tenant_id']}")).headers["etag"] == '"1"'
    assert await gateway.tool_names(owner["secret"])
