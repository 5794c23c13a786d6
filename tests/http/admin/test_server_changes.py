"""PATCH of an MCP server: what is sent changes, what is omitted stays, null clears; the next call sees it."""

import pytest

from tests.support.catalog import names_of
from tests.support.problems import field_problem, problem

EXPIRY = "2090-01-01T00:00:00Z"
WRITES = ("create_", "update_", "delete_")


class Changing:
    """One server and the ways to change it."""

    def __init__(self, gateway, server):
        self.gateway = gateway
        self.token = server.token
        self.path = f"/integrated-account/{server.account_id}/mcp/{server.id}"

    async def patch(self, body, **more):
        return await self.gateway.admin("PATCH", self.path, body, **more)

    async def now(self):
        return (await self.gateway.admin("GET", self.path)).json()


@pytest.fixture
async def changing(gateway) -> Changing:
    config = {"methods": ["read"], "tags": ["support", "orders"]}
    return Changing(gateway, await gateway.server(config, expires_at=EXPIRY))


async def test_only_what_is_sent_changes(changing):
    before = await changing.now()
    response = await changing.patch({"name": "renamed"})
    assert response.status_code == 200
    assert response.headers["etag"] == '"2"'
    after = response.json()
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "name": "renamed", "updated_at": after["updated_at"]}


async def test_null_expiry_is_cleared_and_an_omitted_one_stays(changing):
    assert (await changing.patch({"name": "n"})).json()["expires_at"] == EXPIRY
    assert (await changing.patch({"expires_at": None})).json()["expires_at"] is None
    assert (await changing.patch({"name": "n"})).json()["expires_at"] is None


async def test_keys_of_config_merge_one_by_one(changing):
    merged = (await changing.patch({"config": {"methods": ["list"]}})).json()["config"]
    assert merged == {"methods": ["list"], "tags": ["support", "orders"]}
    merged = (await changing.patch({"config": {"upstream_429": "http_429"}})).json()["config"]
    assert merged == {"methods": ["list"], "tags": ["support", "orders"], "upstream_429": "http_429"}


async def test_null_inside_config_clears_that_key(changing):
    assert (await changing.patch({"config": {"tags": None}})).json()["config"] == {"methods": ["read"]}
    assert (await changing.patch({"config": {"methods": None}})).json()["config"] == {}


async def test_empty_patch_changes_nothing(changing):
    before = await changing.now()
    response = await changing.patch({})
    assert (response.status_code, response.json(), response.headers["etag"]) == (200, before, '"1"')


async def test_change_of_config_holds_for_the_next_call(changing):
    reading = await changing.gateway.tool_names(changing.token)
    assert reading == names_of(methods=["read"], tags=["support", "orders"])
    assert "get_single_richpanel_order_by_id" in reading
    assert not any(name.startswith(WRITES) for name in reading)
    await changing.patch({"config": {"methods": ["write"], "tags": None}})
    writing = await changing.gateway.tool_names(changing.token)
    assert writing == names_of(methods=["write"])
    assert all(name.startswith(WRITES) for name in writing)
    await changing.patch({"config": {"require_api_token_auth": True}})
    assert (await changing.gateway.rpc(changing.token, "tools/list")).status_code == 401


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"config": None}, "config"),
        ({"config": {"methods": ["fly"]}}, "config.methods.0"),
        ({"config": {"tags": []}}, "config.tags"),
        ({"config": {"upstream": 1}}, "config.upstream"),
        ({"token": "x"}, "token"),
        ({"name": "half", "config": {"tags": ["nope"]}}, "config.tags.0"),
    ],
    ids=str,
)
async def test_refused_change_changes_nothing(changing, body, path):
    before = await changing.now()
    field_problem(await changing.patch(body), path)
    assert await changing.now() == before


async def test_merge_that_leaves_no_tool_is_no_tools_and_changes_nothing(changing):
    before = await changing.now()
    await changing.patch({"config": {"tags": ["orders"]}})
    problem(await changing.patch({"config": {"methods": ["delete"]}}), 400, "no_tools")
    assert (await changing.now())["config"] == {**before["config"], "tags": ["orders"]}


async def test_stale_if_match_is_412_and_changes_nothing(changing):
    assert (await changing.patch({"name": "second"}, headers={"if-match": '"1"'})).status_code == 200
    problem(await changing.patch({"name": "third"}, headers={"if-match": '"1"'}), 412, "stale_version")
    deletion = await changing.gateway.admin("DELETE", changing.path, headers={"if-match": '"1"'})
    problem(deletion, 412, "stale_version")
    assert (await changing.now())["name"] == "second"
    assert await changing.gateway.tool_names(changing.token)
