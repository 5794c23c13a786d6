"""MCP servers: one POST gives a token and a URL, once."""

from datetime import UTC, datetime, timedelta

import pytest

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.kit import ids, tokens
from tests.support.catalog import EVERY_TOOL, names_of
from tests.support.problems import field_problem, problem

KEYS = {"id", "name", "config", "integrated_account_id", "created_at", "updated_at", "expires_at"}
FULL_CONFIG = {
    "methods": ["read", "write"],
    "tags": ["support", "orders"],
    "require_api_token_auth": False,
    "upstream_429": "tool_error",
    "duplicate_window_seconds": 60,
}


@pytest.fixture
async def servers(gateway) -> str:
    """Path of the servers of a fresh account."""
    return f"/integrated-account/{await gateway.account(await gateway.tenant())}/mcp"


async def test_created_server_is_answered_as_the_contract_says(gateway, servers):
    body = {"name": "ChatGPT Order Tracker", "config": FULL_CONFIG, "expires_at": None}
    response = await gateway.admin("POST", servers, body)
    assert response.status_code == 201
    made = response.json()
    assert set(made) == KEYS | {"token", "url"}
    assert ids.is_id(made["id"], ids.SERVER)
    assert {key: made[key] for key in body} == body
    assert made["integrated_account_id"] == servers.split("/")[2]
    assert tokens.parse(made["token"], MCP_TOKEN_PREFIX)
    assert made["url"] == f"http://gateway.example/mcp/{made['token']}"
    assert await gateway.tool_names(made["token"]) == names_of(tags=["support", "orders"])


async def test_token_and_url_are_never_shown_again(gateway, servers):
    made = await gateway.made(servers, {"name": "s"})
    public = {key: made[key] for key in KEYS}
    shown = await gateway.admin("GET", f"{servers}/{made['id']}")
    unused = {"last_used_at": None, "last_client": None}
    assert (shown.json(), shown.headers["etag"]) == (public | unused, '"1"')
    listed = await gateway.admin("GET", servers)
    assert listed.json() == {"result": [public], "next_cursor": None}
    patched = await gateway.admin("PATCH", f"{servers}/{made['id']}", {"name": "t"})
    for response in (shown, listed, patched):
        assert made["token"] not in response.text
        assert "/mcp/rpmcp_" not in response.text


@pytest.mark.parametrize("more", [{}, {"config": {}}, {"config": {"methods": None, "tags": None}}])
async def test_omitted_or_empty_config_means_every_tool(gateway, servers, more):
    made = await gateway.made(servers, {"name": "s", **more})
    assert made["config"] == {}
    assert await gateway.tool_names(made["token"]) == EVERY_TOOL


async def test_deleted_server_is_gone(gateway, servers):
    made = await gateway.made(servers, {"name": "s"})
    path = f"{servers}/{made['id']}"
    assert await gateway.tool_names(made["token"])
    response = await gateway.admin("DELETE", path)
    assert (response.status_code, response.json()["id"]) == (200, made["id"])
    assert (await gateway.rpc(made["token"], "tools/list")).status_code == 404
    for method in ("GET", "DELETE"):
        problem(await gateway.admin(method, path), 404, "not_found")
    assert (await gateway.admin("GET", servers)).json()["result"] == []


async def test_server_is_found_under_its_own_account_only(gateway):
    server = await gateway.server()
    sibling = await gateway.account(server.tenant_id)
    path = f"/integrated-account/{sibling}/mcp/{server.id}"
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        problem(await gateway.admin(method, path, body), 404, "not_found")
    assert await gateway.tool_names(server.token)


@pytest.mark.parametrize("key", ["methods", "tags"])
async def test_unknown_method_or_tag_names_what_is_allowed(gateway, servers, key):
    response = await gateway.admin("POST", servers, {"name": "s", "config": {key: ["fly"]}})
    found = field_problem(response, f"config.{key}.0")
    assert "fly" in found["message"]
    expected = {"methods": "list_all_richpanel_orders", "tags": "orders"}[key]
    assert expected in found["allowed"]
    assert expected in found["message"]


@pytest.mark.parametrize("key", ["methods", "tags"])
async def test_empty_filter_is_refused_rather_than_taken_for_all_or_nothing(gateway, servers, key):
    response = await gateway.admin("POST", servers, {"name": "s", "config": {key: []}})
    assert "at least one" in field_problem(response, f"config.{key}")["message"]


@pytest.mark.parametrize(
    "config",
    [
        {"methods": ["delete"], "tags": ["orders"]},
        {"methods": ["update", "list"], "tags": ["files", "reports"]},
        {"methods": ["create_a_richpanel_file"], "tags": ["reports"]},
    ],
)
async def test_filters_that_leave_no_tool_are_no_tools(gateway, servers, config):
    response = await gateway.admin("POST", servers, {"name": "s", "config": config})
    problem(response, 400, "no_tools")
    assert (await gateway.admin("GET", servers)).json()["result"] == []


async def test_reading_reports_needs_the_tool_by_name_and_the_refusal_says_so(gateway, servers):
    report = "create_a_richpanel_report_query"
    methods = ["read"]
    reading = {"name": "s", "config": {"methods": methods, "tags": ["reports"]}}
    refused = problem(await gateway.admin("POST", servers, reading), 400, "no_tools")
    assert f"`{report}` (create, only reads)" in refused["detail"]
    assert "exact name" in refused["detail"]
    methods.append(report)
    made = await gateway.made(servers, reading)
    assert await gateway.tool_names(made["token"]) == [report]


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("expires_at", "said"),
    [
        ("2020-01-01T00:00:00Z", "at least 60 seconds ahead"),
        ((NOW + timedelta(seconds=30)).isoformat(), "at least 60 seconds ahead"),
        ("0001-01-01T00:00:00Z", "at least 60 seconds ahead"),
        ("2090-01-01T00:00:00", "RFC 3339"),
        ("2090-01-01", "RFC 3339"),
        ("3786912000", "RFC 3339"),
        (3786912000, "RFC 3339"),
        (True, "RFC 3339"),
        ("", "RFC 3339"),
        ("tomorrow", "RFC 3339"),
        ({"at": "2090"}, "RFC 3339"),
        ("2090-13-01T00:00:00Z", "month"),
        ("9999-12-31T23:59:59-23:59", "9999"),
    ],
    ids=lambda value: str(value)[:10],
)
async def test_expiry_that_cannot_be_is_refused_in_post_and_patch(gateway, expires_at, said):
    server = await gateway.server()
    servers = f"/integrated-account/{server.account_id}/mcp"
    made = await gateway.admin("POST", servers, {"name": "s", "expires_at": expires_at})
    changed = await gateway.admin("PATCH", f"{servers}/{server.id}", {"expires_at": expires_at})
    for response in (made, changed):
        assert said in field_problem(response, "expires_at")["message"]


async def test_expiry_far_enough_ahead_is_kept_in_utc(gateway, servers):
    made = await gateway.made(servers, {"name": "s", "expires_at": "2090-01-01T01:30:00.5+01:30"})
    assert made["expires_at"] == "2090-01-01T00:00:00.500000Z"
    soon = (datetime.now(UTC) + timedelta(seconds=65)).isoformat()
    assert (await gateway.made(servers, {"name": "s", "expires_at": soon}))["expires_at"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ([], "config"),
        ("read", "config"),
        (None, "config"),
        ({"methods": "read"}, "config.methods"),
        ({"methods": [1]}, "config.methods.0"),
        ({"methods": [None]}, "config.methods.0"),
        ({"tags": {"support": True}}, "config.tags"),
        ({"tags": [""]}, "config.tags.0"),
        ({"methods": ["read"] * 201}, "config.methods"),
        ({"methods": ["x" * 101]}, "config.methods.0"),
        ({"require_api_token_auth": "yes"}, "config.require_api_token_auth"),
        ({"require_api_token_auth": 1}, "config.require_api_token_auth"),
        ({"upstream_429": "retry"}, "config.upstream_429"),
        ({"duplicate_window_seconds": -1}, "config.duplicate_window_seconds"),
        ({"duplicate_window_seconds": 3601}, "config.duplicate_window_seconds"),
        ({"duplicate_window_seconds": "60"}, "config.duplicate_window_seconds"),
    ],
    ids=str,
)
async def test_config_of_a_wrong_type_names_the_field(gateway, config, path, servers):
    field_problem(await gateway.admin("POST", servers, {"name": "s", "config": config}), path)


async def test_unknown_keys_name_the_known_ones(gateway, servers):
    body = {"name": "s", "nmae": 1, "config": {"method": ["read"]}}
    response = await gateway.admin("POST", servers, body)
    assert field_problem(response, "nmae")["allowed"] == ["name", "config", "expires_at"]
    body = {"name": "s", "config": {"method": ["read"]}}
    found = field_problem(await gateway.admin("POST", servers, body), "config.method")
    assert found["allowed"] == [
        "methods",
        "tags",
        "require_api_token_auth",
        "upstream_429",
        "duplicate_window_seconds",
        "fence_untrusted_text",
        "log_arguments",
    ]
    assert "known: methods, tags" in found["message"]


@pytest.mark.parametrize("key", ["token", "id", "url", "tenant_id", "integrated_account_id"])
async def test_what_the_gateway_decides_cannot_be_sent(gateway, servers, key):
    field_problem(await gateway.admin("POST", servers, {"name": "s", key: "x"}), key)
