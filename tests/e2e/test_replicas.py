"""Two gateways over the same stores, and what becomes of tokens when Redis is away."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from mcp_gateway.dev.stores import EmbeddedValkey
from tests.e2e.conftest import RICHPANEL_KEY, World
from tests.support.catalog import EVERY_TOOL, names_of
from tests.support.gateways import Gateway, Stores, running_gateway, settings_for

LIST = "list_all_richpanel_conversations"


@pytest.fixture
async def pair(world: World, own_database: Stores, valkey: EmbeddedValkey) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two replicas with a Redis of their own, which a test may stop."""
    stores = replace(own_database, redis_url=valkey.url)
    settings = settings_for(stores, richpanel_url=world.upstream_url)
    async with running_gateway(settings) as one, running_gateway(settings) as two:
        yield one, two


async def is_alive(gateway: Gateway, token: str) -> bool:
    response = await gateway.rpc(token, "tools/list")
    assert response.status_code in {200, 404}, response.text
    return response.status_code == 200


async def dead_on_all(gateways: tuple[Gateway, ...], token: str, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while any([await is_alive(gateway, token) for gateway in gateways]):
            await asyncio.sleep(0.02)


@pytest.mark.requirement("state.anywhere")
async def test_server_made_on_one_works_at_once_on_the_other(pair):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    assert await is_alive(two, server.token)


async def test_deleted_server_stops_on_both_within_a_second(pair):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    assert await is_alive(one, server.token)
    assert await is_alive(two, server.token)
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    assert (await two.admin("DELETE", path)).status_code == 200
    assert not await is_alive(two, server.token)
    await dead_on_all((one, two), server.token, 1)


@pytest.mark.parametrize("what", ["account", "tenant"])
async def test_servers_of_a_deleted_account_or_tenant_stop_on_both(pair, what):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    assert await is_alive(two, server.token)
    path = f"/integrated-account/{server.account_id}" if what == "account" else f"/tenant/{server.tenant_id}"
    assert (await one.admin("DELETE", path)).status_code == 200
    await dead_on_all((one, two), server.token, 1)


async def test_changed_filter_holds_on_the_other_within_a_second(pair):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    assert await two.tool_names(server.token) == EVERY_TOOL
    about_orders = names_of(tags=["orders"])
    assert 0 < len(about_orders) < len(EVERY_TOOL)
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    assert (await one.admin("PATCH", path, {"config": {"tags": ["orders"]}})).status_code == 200
    async with asyncio.timeout(1):
        while await two.tool_names(server.token) != about_orders:
            await asyncio.sleep(0.02)


async def test_calls_go_on_while_redis_is_killed_and_comes_back(pair, valkey):
    one, two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    stopped = asyncio.Event()
    done = 0

    async def calls(gateway: Gateway) -> None:
        nonlocal done
        while not stopped.is_set():
            assert await is_alive(gateway, server.token)
            done += 1

    async def until_more(count: int) -> None:
        target = done + count
        async with asyncio.timeout(10):
            while done < target:
                await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for gateway in pair:
            group.create_task(calls(gateway))
        await until_more(20)
        await asyncio.to_thread(valkey.kill)
        await until_more(60)
        await asyncio.to_thread(valkey.start)
        await until_more(50)
        stopped.set()
    assert await is_alive(two, server.token)


async def test_server_deleted_while_redis_was_stopped_is_dead_everywhere_when_its_old_data_comes_back(pair, valkey):
    one, _two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    for gateway in pair:
        assert await is_alive(gateway, server.token)
    await asyncio.to_thread(valkey.save)
    await asyncio.to_thread(valkey.kill)
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    assert (await one.admin("DELETE", path)).status_code == 200
    await dead_on_all(pair, server.token, 5)
    await asyncio.to_thread(valkey.start)
    await dead_on_all(pair, server.token, 5)
    for gateway in pair:
        assert not await is_alive(gateway, server.token)


async def test_announcement_that_redis_missed_is_replayed_from_the_outbox(pair, valkey):
    one, _two = pair
    server = await one.server(api_key=RICHPANEL_KEY)
    await asyncio.to_thread(valkey.kill)
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    assert (await one.admin("DELETE", path)).status_code == 200
    await asyncio.to_thread(valkey.start)
    async with contextlib.aclosing(Redis.from_url(valkey.url)) as redis, asyncio.timeout(5):
        while not [key async for key in redis.scan_iter("rpgw:server:*")]:
            await asyncio.sleep(0.02)


async def test_servers_deleted_while_redis_hung_never_come_back(pair, valkey):
    one, two = pair
    tenant_id = await one.tenant()
    account_id = await one.account(tenant_id)
    servers = [await one.server(tenant_id=tenant_id, account_id=account_id) for _ in range(250)]
    for server in servers:
        assert await is_alive(two, server.token)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        assert (await one.admin("DELETE", f"/integrated-account/{account_id}")).status_code == 200
        await dead_on_all(pair, servers[-1].token, 5)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    # From the first moment on, and for longer than the outbox needs.
    for server in [*servers[-40:], *servers[:40]]:
        assert not await is_alive(one, server.token)
        assert not await is_alive(two, server.token)
