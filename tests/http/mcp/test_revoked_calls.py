"""A call that is under way when its access is revoked reads on, and writes nothing any more."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from mcp_gateway.dev.stores import EmbeddedValkey
from tests.support.asgi import serving
from tests.support.databases import fresh_database
from tests.support.gateways import running_gateway, settings_for
from tests.support.relays import relay_to
from tests.support.upstreams import GET, UPDATE, HeldUpstream

BY_NUMBER = {"id": "4711", "status": "CLOSED"}
"""Costs a look-up before the write, so that a test can come in between."""
LIMIT_SECONDS = 10


@pytest.fixture
async def upstream():
    return HeldUpstream()


@pytest.fixture
async def gateway(stores, upstream):
    async with serving(upstream) as url, running_gateway(settings_for(stores, richpanel_url=url)) as running:
        yield running


async def interrupted(upstream, calling, revoke):
    """The answer of a call during whose first request `revoke` was done."""
    upstream.hold()
    call = asyncio.create_task(calling)
    async with asyncio.timeout(LIMIT_SECONDS):
        await upstream.reached.wait()
        await revoke()
        upstream.may_answer.set()
        return await call


def server_path(server):
    return f"/integrated-account/{server.account_id}/mcp/{server.id}"


@pytest.mark.parametrize("what", ["server", "account", "tenant"])
async def test_write_does_not_leave_once_its_server_is_gone(gateway, upstream, what):
    server = await gateway.server()
    path = {
        "server": server_path(server),
        "account": f"/integrated-account/{server.account_id}",
        "tenant": f"/tenant/{server.tenant_id}",
    }[what]

    async def revoke():
        assert (await gateway.admin("DELETE", path)).status_code == 200

    result = await interrupted(upstream, gateway.call(server.token, UPDATE, BY_NUMBER), revoke)
    error = result["structuredContent"]["error"]
    assert (error["type"], error["origin"], error["status"]) == ("revoked", "gateway", None)
    assert upstream.requests == 1


async def test_read_that_is_under_way_is_answered(gateway, upstream):
    server = await gateway.server()

    async def revoke():
        assert (await gateway.admin("DELETE", server_path(server))).status_code == 200

    result = await interrupted(upstream, gateway.call(server.token, GET, {"id": "c1"}), revoke)
    assert result["isError"] is False


async def test_write_leaves_when_nothing_was_revoked(gateway, upstream):
    server = await gateway.server()
    result = await interrupted(upstream, gateway.call(server.token, UPDATE, BY_NUMBER), gateway.tenant)
    assert result["isError"] is False
    assert upstream.requests >= 2


async def test_write_does_not_leave_once_the_api_token_it_needed_is_revoked(gateway, upstream):
    server = await gateway.server({"require_api_token_auth": True})
    made = await gateway.made("/api-token", {"name": "n", "tenant_id": server.tenant_id})

    async def revoke():
        assert (await gateway.admin("DELETE", f"/api-token/{made['id']}")).status_code == 200

    calling = gateway.call(server.token, UPDATE, BY_NUMBER, headers={"x-api-token": made["token"]})
    result = await interrupted(upstream, calling, revoke)
    assert result["structuredContent"]["error"]["type"] == "revoked"
    assert upstream.requests == 1


@pytest.mark.parametrize("what", ["api token", "account"])
async def test_write_over_plain_rest_does_not_leave_either(gateway, upstream, what):
    tenant_id = await gateway.tenant()
    account_id = await gateway.account(tenant_id)
    made = await gateway.made("/api-token", {"name": "n", "tenant_id": tenant_id})
    path = f"/api-token/{made['id']}" if what == "api token" else f"/integrated-account/{account_id}"

    async def revoke():
        assert (await gateway.admin("DELETE", path)).status_code == 200

    url = f"/integrated-account/{account_id}/tools/{UPDATE}"
    answer = await interrupted(upstream, gateway.admin("POST", url, BY_NUMBER, key=made["token"]), revoke)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "revoked")
    assert upstream.requests == 1


@pytest.fixture
def apart(postgres_admin_url, tmp_path):
    """Stores no other gateway uses, with a Redis that may be killed."""
    with EmbeddedValkey(tmp_path) as valkey, fresh_database(postgres_admin_url, "revoked") as database:
        yield replace(database, redis_url=valkey.url), valkey


async def test_without_redis_the_other_replica_lets_no_write_leave_either(upstream, apart):
    stores, valkey = apart
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(upstream))
        one, two = [
            await stack.enter_async_context(running_gateway(settings_for(stores, richpanel_url=url))) for _ in range(2)
        ]
        server = await one.server()

        async def revoke():
            await asyncio.to_thread(valkey.kill)
            assert (await one.admin("DELETE", server_path(server))).status_code == 200
            # The other hears nothing of it, but of its link having gone.
            while (await two.rpc(server.token, "tools/list")).status_code != 404:
                await asyncio.sleep(0.02)

        result = await interrupted(upstream, two.call(server.token, UPDATE, BY_NUMBER), revoke)
        assert result["structuredContent"]["error"]["type"] == "revoked"
        assert upstream.requests == 1


async def test_write_does_not_leave_while_nobody_can_tell(upstream, stores):
    async with relay_to(stores.database_url) as relay, serving(upstream) as url:
        settings = settings_for(stores, richpanel_url=url, database_url=relay.url, redis_url="redis://127.0.0.1:9/0")
        async with running_gateway(settings) as gateway:
            server = await gateway.server()
            result = await interrupted(upstream, gateway.call(server.token, UPDATE, BY_NUMBER), relay.cut)
            assert result["structuredContent"]["error"]["type"] == "overloaded"
            assert upstream.requests == 1
