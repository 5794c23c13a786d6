"""`require_api_token_auth`: the URL alone is not enough."""

import pytest

from mcp_gateway.constants import API_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.gateways import OPERATOR_KEY


@pytest.fixture
async def server(gateway):
    return await gateway.server({"require_api_token_auth": True})


async def status(gateway, server, headers, path=None):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    response = await gateway.client.post(gateway.url + (path or f"/mcp/{server.token}"), json=message, headers=headers)
    if response.status_code == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert "X-API-Token" in response.json()["error"]["message"]
    return response.status_code


async def test_api_token_of_the_tenant_opens_as_bearer_and_as_x_api_token(gateway, server):
    key = await gateway.api_token(server.tenant_id, scopes=["read"])
    for headers in ({"authorization": f"Bearer {key}"}, {"X-API-Token": key}):
        assert await status(gateway, server, headers) == 200


async def test_where_authorization_holds_the_mcp_token_the_api_token_comes_beside_it(gateway, server):
    key = await gateway.api_token(server.tenant_id)
    bearer = {"authorization": f"Bearer {server.token}"}
    assert await status(gateway, server, bearer, "/mcp") == 401
    assert await status(gateway, server, {**bearer, "x-api-token": key}, "/mcp") == 200


@pytest.mark.requirement("auth.challenge", "tools.access-control")
async def test_missing_wrong_and_foreign_api_tokens_are_401(gateway, server):
    foreign = await gateway.api_token(await gateway.tenant())
    never = tokens.mint(API_TOKEN_PREFIX).token
    for wrong in (foreign, never, "garbage", OPERATOR_KEY, server.token, ""):
        assert await status(gateway, server, {"x-api-token": wrong}) == 401
        if wrong:
            assert await status(gateway, server, {"authorization": f"Bearer {wrong}"}) == 401
    assert await status(gateway, server, {}) == 401


async def test_what_a_refusal_says_does_not_tell_why(gateway, server):
    foreign = await gateway.api_token(await gateway.tenant())
    revoked = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})
    await gateway.admin("DELETE", f"/api-token/{revoked['id']}")
    never = tokens.mint(API_TOKEN_PREFIX).token
    wrong = [None, "", "garbage", foreign, revoked["token"], never, never[:-1], OPERATOR_KEY, server.token]
    answers = [
        await gateway.rpc(server.token, "tools/list", headers={} if one is None else {"x-api-token": one})
        for one in wrong
    ]
    told = {(answer.status_code, answer.content, answer.headers["www-authenticate"]) for answer in answers}
    assert len(told) == 1
    assert {len(answer.headers) for answer in answers} == {len(answers[0].headers)}


@pytest.mark.parametrize("scope", ["read", "write", "tokens", "logs"])
async def test_api_token_of_any_scope_opens(gateway, server, scope):
    key = await gateway.api_token(server.tenant_id, scopes=[scope])
    assert await status(gateway, server, {"x-api-token": key}) == 200


async def test_revoked_api_token_is_401_at_once(gateway, server):
    made = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})
    headers = {"x-api-token": made["token"]}
    assert await status(gateway, server, headers) == 200
    await gateway.admin("DELETE", f"/api-token/{made['id']}")
    assert await status(gateway, server, headers) == 401


@pytest.mark.requirement("auth.no-discovery")
async def test_no_answer_offers_oauth_discovery(gateway, server):
    response = await gateway.rpc(server.token, "tools/list")
    assert "resource_metadata" not in str(response.headers) + response.text
    for path in (
        "oauth-protected-resource",
        "oauth-authorization-server",
        f"oauth-protected-resource/mcp/{server.token}",
    ):
        found = await gateway.client.get(f"{gateway.url}/.well-known/{path}")
        assert found.status_code == 404
        assert server.token not in found.text


async def test_server_without_the_demand_ignores_what_authorization_says(gateway):
    server = await gateway.server()
    assert await status(gateway, server, {"authorization": "Bearer whatever", "x-api-token": "whatever"}) == 200
