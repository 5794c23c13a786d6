"""What a deletion proves: since when, how many replicas have confirmed, and by when it holds everywhere."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from tests.e2e.conftest import RICHPANEL_KEY
from tests.e2e.test_replicas import is_alive
from tests.support.gateways import running_gateway, settings_for
from tests.support.problems import problem

WORST_CASE = timedelta(seconds=5)


@pytest.fixture
async def pair(world, own_database, valkey):
    """Two replicas with a Redis of their own, which a test may stop."""
    settings = settings_for(replace(own_database, redis_url=valkey.url), richpanel_url=world.upstream_url)
    async with running_gateway(settings) as one, running_gateway(settings) as two:
        yield one, two


async def everything(gateway):
    """A server with its account and tenant, and an API token of the same tenant."""
    server = await gateway.server(api_key=RICHPANEL_KEY)
    token = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})
    account = f"/integrated-account/{server.account_id}"
    return server, [f"/api-token/{token['id']}", f"{account}/mcp/{server.id}", account, f"/tenant/{server.tenant_id}"]


def instants(receipt):
    return [datetime.fromisoformat(receipt[name]) for name in ("revoked_at", "in_force_everywhere_by")]


def check(receipt, began):
    """The receipt says what its count says, whatever the machine was busy with."""
    revoked_at, by = instants(receipt)
    assert began <= revoked_at <= datetime.now(UTC)
    count = receipt["replicas"]
    is_confirmed = count is not None and count["confirmed"] == count["known"]
    assert revoked_at < by <= datetime.now(UTC) if is_confirmed else by == revoked_at + WORST_CASE
    return is_confirmed


async def test_every_deletion_is_answered_with_a_receipt(pair):
    one, two = pair
    server, paths = await everything(one)
    assert await is_alive(two, server.token)
    for path in paths:
        began = datetime.now(UTC)
        answer = (await one.admin("DELETE", path)).json()
        assert set(answer) == {"id", "revoked_at", "replicas", "in_force_everywhere_by"}
        assert path.endswith(answer["id"])
        assert answer["replicas"]["known"] == 2
        if check(answer, began):
            assert not await is_alive(two, server.token) or path.startswith("/api-token")
        problem(await one.admin("DELETE", path), 404, "not_found")


async def test_rotation_without_an_overlap_has_the_receipt_of_the_old_token(pair):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    assert await is_alive(two, server.token)
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}/rotate"
    began = datetime.now(UTC)
    answer = (await one.admin("POST", path)).json()
    if check(answer["revocation"], began):
        assert not await is_alive(two, server.token)
    assert answer["previous_token_expires_at"] == answer["revocation"]["revoked_at"]
    again = (await one.admin("POST", path, {"overlap_seconds": 60})).json()
    assert again["revocation"] is None


async def test_without_redis_the_receipt_says_so_and_tells_the_worst_case(pair, valkey):
    one, _two = pair
    _server, paths = await everything(one)
    await asyncio.to_thread(valkey.kill)
    for path in paths:
        began = datetime.now(UTC)
        response = await one.admin("DELETE", path)
        assert response.status_code == 200
        assert response.json()["replicas"] is None
        assert check(response.json(), began) is False


async def test_redis_without_memory_left_still_carries_revocations(world, own_database, valkey):
    async with Redis.from_url(valkey.url) as redis:
        await redis.config_set("maxmemory", "1")
    settings = settings_for(replace(own_database, redis_url=valkey.url), richpanel_url=world.upstream_url)
    async with running_gateway(settings) as one, running_gateway(settings) as two:
        server = await one.server(api_key=RICHPANEL_KEY)
        assert await is_alive(two, server.token)
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        answer = (await one.admin("DELETE", path)).json()
        assert answer["replicas"] is not None
        async with asyncio.timeout(10):
            while await is_alive(two, server.token):
                await asyncio.sleep(0.02)


async def test_replica_that_stopped_is_not_counted(world, own_database, valkey):
    settings = settings_for(replace(own_database, redis_url=valkey.url), richpanel_url=world.upstream_url)
    async with running_gateway(settings) as one:
        async with running_gateway(settings) as two:
            server = await two.server(api_key=RICHPANEL_KEY)
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        assert (await one.admin("DELETE", path)).json()["replicas"] == {"known": 1, "confirmed": 1}
