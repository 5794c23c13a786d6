"""The gateway's own limits as a caller meets them: results for tool calls, statuses for everything else."""

import asyncio
import contextlib
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.asgi import serving
from tests.support.gateways import OPERATOR_KEY, running_gateway, settings_for
from tests.support.sse import opened, request
from tests.support.upstreams import GET, UPDATE, HeldUpstream

LIMIT_SECONDS = 5
C1 = {"id": "c1"}


@contextlib.asynccontextmanager
async def limited(stores, **settings):
    upstream = HeldUpstream()
    async with (
        serving(upstream) as url,
        running_gateway(settings_for(stores, richpanel_url=url, **settings)) as gateway,
    ):
        yield gateway, upstream


async def called(gateway, token, **more):
    response = await gateway.rpc(token, "tools/call", {"name": GET, "arguments": C1}, **more)
    return response, response.json()["result"]


async def test_call_over_the_tokens_limit_is_a_result_that_says_how_long_to_wait(stores):
    async with limited(stores, token_limit_per_minute=3) as (gateway, upstream):
        server = await gateway.server()
        for left in (2, 1, 0):
            response, result = await called(gateway, server.token)
            assert result["isError"] is False
            assert response.headers["ratelimit"].startswith(f'"gateway-token";r={left};t=')
            assert response.headers["ratelimit-policy"] == '"gateway-token";q=3;w=60'
        response, result = await called(gateway, server.token)
    error = result["structuredContent"]["error"]
    assert (response.status_code, result["isError"], upstream.requests) == (200, True, 3)
    assert (error["type"], error["origin"], error["status"]) == ("rate_limited", "gateway", None)
    assert (error["limit"], error["remaining"], error["estimated"]) == (3, 0, False)
    wait = error["retry_after_seconds"]
    assert 1 <= wait == error["reset_seconds"] <= 60
    assert response.headers["retry-after"] == str(wait)
    assert response.headers["ratelimit"] == f'"gateway-token";r=0;t={wait}'
    # The three older fields are upstream's alone.
    assert not {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"} & set(response.headers)
    assert f"Retry after {wait} s" in result["content"][1]["text"]


async def test_server_that_asked_for_429_gets_the_same_body_with_it(stores):
    async with limited(stores, token_limit_per_minute=1) as (gateway, _):
        server = await gateway.server({"upstream_429": "http_429"})
        await called(gateway, server.token)
        response, result = await called(gateway, server.token)
        assert (response.status_code, result["structuredContent"]["error"]["origin"]) == (429, "gateway")


@pytest.mark.parametrize("method", ["tools/list", "ping"])
async def test_anything_else_over_the_limit_is_429(stores, method):
    async with limited(stores, token_limit_per_minute=2) as (gateway, _):
        server, other = await gateway.server(), await gateway.server()
        for _ in range(2):
            assert (await gateway.rpc(server.token, method)).status_code == 200
        response = await gateway.rpc(server.token, method)
        assert (response.status_code, response.json()["id"]) == (429, 1)
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert response.headers["ratelimit"].startswith('"gateway-token";r=0;t=')
        assert "2 requests per minute" in response.json()["error"]["message"]
        assert (await gateway.rpc(other.token, method)).status_code == 200


async def test_servers_of_a_tenant_share_its_limit_and_other_tenants_do_not(stores):
    async with limited(stores, tenant_limit_per_minute=4) as (gateway, upstream):
        one = await gateway.server()
        two = await gateway.server(tenant_id=one.tenant_id, account_id=one.account_id)
        other = await gateway.server()
        results = [(await called(gateway, token))[1]["isError"] for token in (one.token, two.token) * 4]
        assert results.count(False) == 4
        assert (await called(gateway, other.token))[1]["isError"] is False
        assert upstream.requests == 5


async def test_plain_rest_answers_429_and_counts_with_its_tenant(stores):
    async with limited(stores, tenant_limit_per_minute=1) as (gateway, upstream):
        server = await gateway.server()
        path = f"/integrated-account/{server.account_id}/tools/{GET}"
        assert (await gateway.admin("POST", path, C1)).status_code == 200
        response = await gateway.admin("POST", path, C1)
        assert (response.status_code, response.json()["error"]["type"]) == (429, "rate_limited")
        assert int(response.headers["retry-after"]) >= 1
        assert upstream.requests == 1


async def test_zero_switches_the_limits_off(stores):
    off = {"token_limit_per_minute": 0, "tenant_limit_per_minute": 0, "tenant_concurrency": 0, "concurrency": 0}
    async with limited(stores, **off) as (gateway, _):
        server = await gateway.server()
        response, result = await called(gateway, server.token)
        assert result["isError"] is False
        assert "ratelimit" not in response.headers


@pytest.mark.parametrize("limits", [{"tenant_concurrency": 2}, {"tenant_concurrency": 0, "concurrency": 2}])
@pytest.mark.parametrize("tool", [GET, UPDATE])
async def test_call_that_finds_no_place_is_overloaded_and_a_place_is_free_again(stores, limits, tool):
    async with limited(stores, **limits) as (gateway, upstream):
        server = await gateway.server()
        upstream.hold()
        arguments = C1 if tool == GET else {**C1, "status": "CLOSED"}
        running = [asyncio.create_task(gateway.call(server.token, tool, arguments)) for _ in range(2)]
        async with asyncio.timeout(LIMIT_SECONDS):
            while upstream.requests < 2:
                await asyncio.sleep(0.01)
        response, result = await called(gateway, server.token)
        error = result["structuredContent"]["error"]
        assert (error["type"], error["origin"], error["retry_after_seconds"]) == ("overloaded", "gateway", 1)
        assert (response.status_code, response.headers["retry-after"], upstream.requests) == (200, "1", 2)
        path = f"/integrated-account/{server.account_id}/tools/{GET}"
        assert (await gateway.admin("POST", path, C1)).status_code == 503
        assert await gateway.tool_names(server.token)
        assert 'gateway_limited_total{limit="concurrency"} 2.0' in (await gateway.admin("GET", "/metrics")).text
        upstream.may_answer.set()
        assert not any(result["isError"] for result in await asyncio.gather(*running))
        assert (await called(gateway, server.token))[1]["isError"] is False


async def test_read_whose_client_left_gives_its_place_back(stores):
    async with limited(stores, tenant_concurrency=1) as (gateway, upstream):
        server = await gateway.server()
        upstream.hold()
        with pytest.raises(httpx.ReadTimeout):
            await gateway.call(server.token, GET, C1, timeout=0.3)
        upstream.may_answer.set()
        async with asyncio.timeout(LIMIT_SECONDS):
            while (await called(gateway, server.token))[1]["isError"]:
                await asyncio.sleep(0.01)


async def test_answer_on_an_event_stream_says_the_same(stores):
    async with limited(stores, token_limit_per_minute=1) as (gateway, _):
        server = await gateway.server()
        async with opened(gateway, server.token) as stream:
            assert (await stream.call(GET, C1))["isError"] is False
            result = await stream.call(GET, C1)
            assert result["structuredContent"]["error"]["type"] == "rate_limited"
            assert (await stream.post(request("ping"))).status_code == 202
            assert "per minute" in (await stream.message())["error"]["message"]


def proxied(address):
    return {"headers": {"x-forwarded-for": address}}


@pytest.fixture
def addresses():
    """Addresses nobody else has missed from: the Redis outlives the test."""
    high = uuid4().int >> 80
    return [f"2001:db8:{high >> 32 & 0xFFFF:x}:{high >> 16 & 0xFFFF:x}::{number}" for number in (1, 2)] + [
        f"10.{high & 0xFF}.{high >> 8 & 0xFF}.{high >> 16 & 0xFF}"
    ]


async def test_too_many_dead_tokens_from_an_address_are_429_and_a_live_one_always_passes(stores, addresses):
    settings = settings_for(stores, miss_limit_per_minute=6, trusted_proxies="127.0.0.1")
    here, neighbour, other = addresses
    async with running_gateway(settings) as gateway:
        server = await gateway.server()

        async def missed(token, **more):
            return await gateway.rpc(token, "ping", **proxied(here), **more)

        unknown = tokens.mint(MCP_TOKEN_PREFIX).token
        answers = [await missed(token) for token in ("malformed", unknown) * 4]
        statuses = [answer.status_code for answer in answers]
        assert statuses == [404] * 6 + [429] * 2
        # Dead tokens are not told apart, whatever they are.
        assert {answer.content.partition(b"Retry after")[0] for answer in answers[6:]} == {
            answers[6].content.partition(b"Retry after")[0]
        }
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await missed(server.token)).status_code == 200
        assert (await gateway.rpc("malformed", "ping", **proxied(neighbour))).status_code == 429
        assert (await gateway.rpc("malformed", "ping", **proxied(other))).status_code == 404
        metrics = (await gateway.admin("GET", "/metrics")).text
        assert "gateway_credential_misses_total 10.0" in metrics
        assert 'gateway_limited_total{limit="address"} 3.0' in metrics
        keyed = {**proxied(here)["headers"], "authorization": "Bearer wrong"}
        refused = await gateway.client.get(f"{gateway.url}/tenant", headers=keyed)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        keyed["authorization"] = f"Bearer {OPERATOR_KEY}"
        assert (await gateway.client.get(f"{gateway.url}/tenant", headers=keyed)).status_code == 200
        keyed.pop("authorization")
        assert (await gateway.client.get(f"{gateway.url}/tenant", headers=keyed)).status_code == 401


async def test_claimed_address_changes_nothing(stores, redis_url):
    claimed = [f"203.0.113.{number}" for number in range(1, 6)]
    async with running_gateway(settings_for(stores, miss_limit_per_minute=2)) as gateway:
        answers = [await gateway.rpc("malformed", "ping", **proxied(address)) for address in claimed]
        assert answers[-1].status_code == 429
    async with contextlib.aclosing(Redis.from_url(redis_url)) as redis:
        assert not await redis.exists(*(f"rpgw:quota:address:{address}" for address in claimed))
        assert await redis.exists("rpgw:quota:address:127.0.0.1")
