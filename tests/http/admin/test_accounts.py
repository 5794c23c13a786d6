"""Integrated accounts: the key goes in and never comes out."""

import pytest

from mcp_gateway.kit import ids
from tests.support.problems import field_problem, problem

KEYS = {"id", "tenant_id", "integration", "name", "credentials_hint", "created_at", "updated_at"}
API_KEY = "rp_canary_key_7731"


def body(tenant_id: str | None = None, **more: object) -> dict[str, object]:
    made = {"integration": "richpanel", "name": "shop", "credentials": {"api_key": API_KEY}, **more}
    return made if tenant_id is None else {**made, "tenant_id": tenant_id}


async def test_created_account_shows_only_the_last_four_characters_of_its_key(gateway):
    tenant_id = await gateway.tenant()
    response = await gateway.admin("POST", "/integrated-account", body(tenant_id))
    assert response.status_code == 201
    made = response.json()
    assert set(made) == KEYS
    assert ids.is_id(made["id"], ids.ACCOUNT)
    assert (made["tenant_id"], made["integration"], made["name"]) == (tenant_id, "richpanel", "shop")
    assert made["credentials_hint"] == "7731"
    shown = await gateway.admin("GET", f"/integrated-account/{made['id']}")
    assert (shown.json(), shown.headers["etag"]) == (made, '"1"')
    key = await gateway.api_token(tenant_id)
    listed = await gateway.admin("GET", "/integrated-account", key=key)
    assert listed.json() == {"result": [made], "next_cursor": None}


async def test_short_key_gives_no_hint(gateway):
    made = await gateway.made("/integrated-account", body(await gateway.tenant(), credentials={"api_key": "12345678"}))
    assert made["credentials_hint"] == ""


async def test_patch_changes_name_or_key_and_leaves_the_other(gateway):
    tenant_id = await gateway.tenant()
    path = f"/integrated-account/{await gateway.account(tenant_id, API_KEY)}"
    renamed = (await gateway.admin("PATCH", path, {"name": "EU shop"})).json()
    assert (renamed["name"], renamed["credentials_hint"]) == ("EU shop", "7731")
    rekeyed = await gateway.admin("PATCH", path, {"credentials": {"api_key": "rp_other_key_9942"}})
    assert (rekeyed.json()["name"], rekeyed.json()["credentials_hint"]) == ("EU shop", "9942")
    assert rekeyed.headers["etag"] == '"3"'
    unchanged = await gateway.admin("PATCH", path, {})
    assert (unchanged.json(), unchanged.headers["etag"]) == (rekeyed.json(), '"3"')


@pytest.mark.parametrize("change", [{"name": None}, {"credentials": None}, {"credentials": {}}, {"name": ""}])
async def test_patch_clears_nothing_that_is_required(gateway, change):
    path = f"/integrated-account/{await gateway.account(await gateway.tenant())}"
    problem(await gateway.admin("PATCH", path, change), 422, "invalid_input")


@pytest.mark.parametrize("key", ["integration", "tenant_id", "id", "credentials_hint"])
async def test_patch_knows_only_name_and_credentials(gateway, key):
    path = f"/integrated-account/{await gateway.account(await gateway.tenant())}"
    found = field_problem(await gateway.admin("PATCH", path, {key: "richpanel"}), key)
    assert found["allowed"] == ["name", "credentials"]


async def test_stale_if_match_is_412(gateway):
    path = f"/integrated-account/{await gateway.account(await gateway.tenant())}"
    await gateway.admin("PATCH", path, {"name": "second"})
    for method, change in (("PATCH", {"name": "third"}), ("DELETE", None)):
        problem(await gateway.admin(method, path, change, headers={"if-match": '"1"'}), 412, "stale_version")
    assert (await gateway.admin("GET", path)).json()["name"] == "second"


async def test_deleted_account_takes_its_servers_with_it(gateway):
    server = await gateway.server()
    other_account = await gateway.account(server.tenant_id)
    sibling = await gateway.server(tenant_id=server.tenant_id, account_id=other_account)
    assert await gateway.tool_names(server.token)
    response = await gateway.admin("DELETE", f"/integrated-account/{server.account_id}")
    assert (response.status_code, response.json()["id"]) == (200, server.account_id)
    assert (await gateway.rpc(server.token, "tools/list")).status_code == 404
    problem(await gateway.admin("GET", f"/integrated-account/{server.account_id}"), 404, "not_found")
    assert await gateway.tool_names(sibling.token)


async def test_unknown_integration_names_the_known_ones(gateway):
    response = await gateway.admin("POST", "/integrated-account", body(await gateway.tenant(), integration="zendesk"))
    assert field_problem(response, "integration")["allowed"] == ["richpanel"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"credentials": API_KEY}, "credentials"),
        ({"credentials": {"api_key": [API_KEY]}}, "credentials.api_key"),
        ({"credentials": {"api_key": 1}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY + " x"}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY + "\r\nx-evil: 1"}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY + "\x00"}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY + "é"}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY * 40}}, "credentials.api_key"),
        ({"credentials": {"api_key": ""}}, "credentials.api_key"),
        ({"credentials": {"api_key": API_KEY, "secret": API_KEY}}, "credentials.secret"),
        ({"credentials": [API_KEY]}, "credentials"),
        ({"credentials": {}}, "credentials.api_key"),
        ({"name": {"api_key": API_KEY}}, "name"),
        ({"integration": [API_KEY]}, "integration"),
    ],
)
async def test_refused_credentials_are_never_repeated(gateway, change, path):
    response = await gateway.admin("POST", "/integrated-account", body(await gateway.tenant(), **change))
    field_problem(response, path)
    assert "canary" not in response.text
