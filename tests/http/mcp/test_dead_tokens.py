"""Unknown, malformed, cut short, deleted, expired: one and the same 404; a wrong checksum never reaches a store."""

from datetime import UTC, datetime, timedelta

import pytest

from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.clocks import ShiftedClock
from tests.support.gateways import running_gateway, settings_for
from tests.support.problems import problem
from tests.support.relays import relay_to

OWN_HEADERS = {"date", "x-request-id"}
NOWHERE = "redis://127.0.0.1:9/0"


def wrong_checksum(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


async def answered(gateway, token, **more):
    response = await gateway.rpc(token, "tools/list", **more)
    headers = [pair for pair in response.headers.raw if pair[0].decode().lower() not in OWN_HEADERS]
    return response.status_code, headers, response.content


async def unknown(gateway):
    return await answered(gateway, tokens.mint(MCP_TOKEN_PREFIX).token)


@pytest.mark.requirement("auth.dead-token", "transport.authentication")
async def test_unknown_token_is_a_404_with_a_json_rpc_error(gateway):
    response = await gateway.rpc(tokens.mint(MCP_TOKEN_PREFIX).token, "tools/list")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (body["jsonrpc"], body["id"], set(body["error"])) == ("2.0", None, {"code", "message"})


@pytest.mark.requirement("auth.dead-token")
@pytest.mark.parametrize(
    "token",
    [
        "x",
        "-",
        "rpmcp_",
        "0" * 55,
        "mcp_srv_01kb0g4t6v9m3q8r5x2y7w1z0c",
        "%00",
        "%F0%9F",
        "..x",
        "a" * 4000,
        wrong_checksum(tokens.mint(MCP_TOKEN_PREFIX).token),
        tokens.mint(API_TOKEN_PREFIX).token,
    ],
    ids=range(11),
)
async def test_malformed_token_is_answered_like_an_unknown_one(gateway, token):
    assert await answered(gateway, token) == await unknown(gateway)


async def test_live_token_cut_short_or_mistyped_is_answered_like_an_unknown_one(gateway):
    token = (await gateway.server()).token
    assert await gateway.tool_names(token)
    for bad in (token[:-1], token[:20], token + "0", wrong_checksum(token), token.lower(), token.swapcase()):
        assert await answered(gateway, bad) == await unknown(gateway)


@pytest.mark.requirement("auth.dead-token")
async def test_deleted_token_is_answered_like_an_unknown_one(gateway):
    server = await gateway.server()
    assert await gateway.tool_names(server.token)
    await gateway.admin("DELETE", f"/integrated-account/{server.account_id}/mcp/{server.id}")
    assert await answered(gateway, server.token) == await unknown(gateway)


@pytest.mark.requirement("auth.dead-token")
async def test_expired_token_is_answered_like_an_unknown_one_the_moment_it_expires(stores):
    clock = ShiftedClock()
    async with running_gateway(settings_for(stores), clock=clock) as gateway:
        expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        server = await gateway.server(expires_at=expires_at)
        assert await gateway.tool_names(server.token)
        clock.advance(3590)
        assert await gateway.tool_names(server.token)
        clock.advance(11)
        assert await answered(gateway, server.token) == await unknown(gateway)
        assert await answered(gateway, server.token) == await unknown(gateway)


async def test_token_of_a_server_that_needs_an_api_token_tells_nothing_once_it_is_dead(gateway):
    server = await gateway.server({"require_api_token_auth": True})
    assert (await answered(gateway, server.token))[0] == 401
    await gateway.admin("DELETE", f"/integrated-account/{server.account_id}")
    assert await answered(gateway, server.token) == await unknown(gateway)


async def test_dead_token_in_the_header_is_the_same_404(gateway):
    for token in (tokens.mint(MCP_TOKEN_PREFIX).token, "garbage"):
        response = await gateway.client.post(
            f"{gateway.url}/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            headers={"authorization": f"Bearer {token}"},
        )
        assert (response.status_code, response.content) == ((await unknown(gateway))[0], (await unknown(gateway))[2])


async def test_wrong_checksum_never_reaches_a_store_while_a_right_one_asks(stores):
    async with relay_to(stores.database_url) as relay:
        settings = settings_for(stores, database_url=relay.url, redis_url=NOWHERE, sweep_seconds=3600)
        async with running_gateway(settings) as gateway:
            live = await gateway.server()
            await relay.cut()

            well_formed = await gateway.rpc(tokens.mint(MCP_TOKEN_PREFIX).token, "tools/list")
            assert well_formed.status_code == 503
            assert int(well_formed.headers["retry-after"]) >= 1
            assert well_formed.json()["error"]["message"]

            for bad in (wrong_checksum(live.token), live.token[:-1], "x", tokens.mint(API_TOKEN_PREFIX).token):
                assert (await gateway.rpc(bad, "tools/list")).status_code == 404


async def test_without_stores_the_admin_api_says_503_and_when_to_come_back(stores):
    async with relay_to(stores.database_url) as relay:
        settings = settings_for(stores, database_url=relay.url, redis_url=NOWHERE, sweep_seconds=3600)
        async with running_gateway(settings) as gateway:
            await relay.cut()
            for method, path, body in (("GET", "/tenant", None), ("POST", "/tenant", {"name": "x"})):
                response = await gateway.admin(method, path, body)
                problem(response, 503, "store_unavailable")
                assert int(response.headers["retry-after"]) >= 1
            unknown_key = await gateway.admin("GET", "/tenant", key=tokens.mint(API_TOKEN_PREFIX).token)
            problem(unknown_key, 503, "store_unavailable")
            problem(await gateway.admin("GET", "/tenant", key="garbage"), 401, "unauthenticated")
            for path in ("/livez", "/readyz"):
                assert (await gateway.client.get(gateway.url + path)).status_code == 200
