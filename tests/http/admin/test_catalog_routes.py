"""The catalog over HTTP, and what a server with a filter would expose."""

import pytest

from tests.support.problems import field_problem, problem

TOOL_KEYS = {"name", "description", "method", "tags", "query_schema", "body_schema", "input_schema", "annotations"}


async def tools(gateway, **params):
    response = await gateway.admin("GET", "/integration/richpanel/tools", params=params)
    assert response.status_code == 200, response.text
    return response.json()["result"]


async def test_integration_is_listed_and_shown(gateway):
    listed = (await gateway.admin("GET", "/integration")).json()
    assert listed["next_cursor"] is None
    assert [one["name"] for one in listed["result"]] == ["richpanel"]
    shown = (await gateway.admin("GET", "/integration/richpanel")).json()
    assert shown == listed["result"][0]
    assert set(shown["tags"]) == {"support", "orders", "customers", "directory", "files", "reports"}


@pytest.mark.parametrize("name", ["zendesk", "%00", "Richpanel", ".."])
async def test_unknown_integration_is_404(gateway, name):
    for path in (f"/integration/{name}", f"/integration/{name}/tools"):
        problem(await gateway.admin("GET", path), 404, "not_found")


async def test_tools_carry_what_the_contract_names(gateway):
    for tool in await tools(gateway):
        assert set(tool) >= TOOL_KEYS
        assert tool["input_schema"]["type"] == "object"
        assert set(tool["annotations"]) >= {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}


@pytest.mark.parametrize(
    ("params", "passes"),
    [
        ({"methods": "read"}, lambda tool: tool["method"] in {"list", "get"}),
        ({"methods": "write"}, lambda tool: tool["method"] in {"create", "update", "delete"}),
        ({"methods": "list,update"}, lambda tool: tool["method"] in {"list", "update"}),
        ({"methods": ["list", "update"]}, lambda tool: tool["method"] in {"list", "update"}),
        ({"tags": "orders"}, lambda tool: "orders" in tool["tags"]),
        ({"methods": "get", "tags": "orders"}, lambda tool: tool["method"] == "get" and "orders" in tool["tags"]),
        ({"methods": "list_all_richpanel_orders"}, lambda tool: tool["name"] == "list_all_richpanel_orders"),
    ],
    ids=range(7),
)
async def test_filters_work_as_in_a_config(gateway, params, passes):
    chosen = [tool["name"] for tool in await tools(gateway, **params)]
    assert chosen == [tool["name"] for tool in await tools(gateway) if passes(tool)]
    assert chosen
    account = await gateway.account(await gateway.tenant())
    preview = await gateway.admin("GET", f"/integrated-account/{account}/tools", params=params)
    assert [tool["name"] for tool in preview.json()["result"]] == chosen


async def test_preview_is_what_the_server_then_lists(gateway):
    server = await gateway.server({"methods": ["read"], "tags": ["orders"]})
    params = {"methods": "read", "tags": "orders"}
    preview = await gateway.admin("GET", f"/integrated-account/{server.account_id}/tools", params=params)
    assert [tool["name"] for tool in preview.json()["result"]] == await gateway.tool_names(server.token)


async def test_filter_that_leaves_nothing_lists_nothing(gateway):
    assert await tools(gateway, methods="delete", tags="orders") == []


@pytest.mark.parametrize("params", [{"methods": "fly"}, {"tags": "x"}, {"methods": ""}, {"tags": ","}])
async def test_unknown_or_empty_filter_names_what_is_allowed(gateway, params):
    response = await gateway.admin("GET", "/integration/richpanel/tools", params=params)
    (name,) = params
    path = name if not params[name].strip(",") else f"{name}.0"
    assert field_problem(response, path)["allowed"]


async def test_refusal_of_many_words_stays_small(gateway):
    response = await gateway.admin("GET", "/integration/richpanel/tools", params={"methods": ",".join(["x"] * 2000)})
    assert len(problem(response, 422, "invalid_input")["errors"]) <= 20


async def test_tools_are_paged(gateway):
    names, cursor = [], None
    while True:
        params = {"limit": 4} if cursor is None else {"limit": 4, "next_cursor": cursor}
        body = (await gateway.admin("GET", "/integration/richpanel/tools", params=params)).json()
        names += [tool["name"] for tool in body["result"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert names == [tool["name"] for tool in await tools(gateway)]
