"""What every answer has: request id, security headers, and problem documents for whatever goes wrong."""

import pytest

from tests.support.gateways import OPERATOR_KEY
from tests.support.problems import problem

PATHS = ["/livez", "/tenant", "/nowhere", "/openapi.json", "/docs", "/mcp", "/mcp/x"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_keeps_caches_referrers_and_sniffers_out(gateway, path):
    headers = (await gateway.client.get(gateway.url + path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


@pytest.mark.parametrize("path", PATHS)
async def test_request_id_comes_back_as_it_was_sent(gateway, path):
    response = await gateway.client.get(gateway.url + path, headers={"x-request-id": "Trace-1.2_3"})
    assert response.headers.get_list("x-request-id") == ["Trace-1.2_3"]


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a;b", "<script>", "é".encode("latin-1"), "../x", None])
async def test_request_id_that_is_none_is_replaced_by_a_fresh_one(gateway, sent):
    headers = {} if sent is None else {"x-request-id": sent}
    given = {(await gateway.client.get(f"{gateway.url}/livez", headers=headers)).headers["x-request-id"] for _ in "ab"}
    assert len(given) == 2
    assert all(one.startswith("req_") for one in given)


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/tenant/", "/Tenant", "//tenant", "/mcp/x/y", "/.well-known/openid-configuration"]
)
async def test_unknown_path_is_a_404_problem_and_no_redirect(gateway, path):
    problem(await gateway.admin("GET", path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/tenant", "GET, POST"),
        ("DELETE", "/integrated-account", "GET, POST"),
        ("PUT", "/integrated-account/acc_x", "GET, PATCH, DELETE"),
        ("PATCH", "/api-token/tok_x", "DELETE"),
        ("POST", "/integration", "GET"),
        ("TRACE", "/livez", "GET"),
        ("PROPFIND", "/tenant", "GET, POST"),
    ],
)
async def test_wrong_method_is_a_405_problem_that_names_every_right_one(gateway, method, path, allowed):
    response = await gateway.admin(method, path)
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_are_open(gateway, path):
    response = await gateway.client.get(gateway.url + path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_metrics_count_requests_and_hold_no_ids_or_secrets(gateway):
    server = await gateway.server()
    key = await gateway.api_token(server.tenant_id)
    await gateway.tool_names(server.token)
    await gateway.admin("GET", f"/integrated-account/{server.account_id}/mcp/{server.id}", key=key)
    await gateway.admin("GET", f"/nowhere/{server.token}")
    await gateway.admin("PROPFIND", "/tenant")
    response = await gateway.admin("GET", "/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'gateway_http_requests_total{method="POST",route="/tenant",status="201"}' in response.text
    assert 'route="/integrated-account/{account_id}/mcp/{mcp_id}"' in response.text
    assert 'method="other"' in response.text
    secrets = (server.token, server.token[:12], key[:12], OPERATOR_KEY)
    for word in (*secrets, "ten_", "acc_", "tok_", "mcp_srv_", "rpmcp_", "rpat_", "nowhere", "PROPFIND"):
        assert word not in response.text


async def test_metrics_need_the_operators_key(gateway):
    problem(await gateway.client.get(f"{gateway.url}/metrics"), 401, "unauthenticated")


@pytest.mark.parametrize(
    "path", ["/register", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
)
async def test_client_that_hunts_for_oauth_is_told_what_it_needs_instead(gateway, path):
    answer = problem(await gateway.client.request("POST", gateway.url + path, json={}), 404, "not_found")
    assert "no OAuth here" in answer["detail"]
    assert "API token" in answer["detail"]
