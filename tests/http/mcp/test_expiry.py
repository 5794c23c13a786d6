"""A URL that ends: told during its last day, refused from the second on, gone from both stores."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

import pytest
from redis.asyncio import Redis

from tests.support.audit import audit_rows
from tests.support.clocks import ShiftedClock
from tests.support.databases import connected
from tests.support.gateways import MODERN, running_gateway, settings_for
from tests.support.sse import opened, request

KEY = "richpanel-mcp-gateway/expiresAt"
HOUR = 3600
LIMIT_SECONDS = 10


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def gateway(stores, clock):
    async with running_gateway(settings_for(stores), clock=clock) as running:
        yield running


async def server_for(gateway, hours: float):
    """A server that ends in so many hours, and the instant it ends."""
    expires_at = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
    return await gateway.server(expires_at=expires_at.isoformat()), expires_at


async def modern(gateway, token, method, params):
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, "Mcp-Name": params.get("name", "")}
    named = {name: value for name, value in headers.items() if value}
    return await gateway.rpc(token, method, {**params, "_meta": meta}, headers=named)


async def answers(gateway, token):
    call = {"name": "list_all_richpanel_conversations", "arguments": {"limit": 0}}
    return [
        await gateway.rpc(token, "initialize", {"protocolVersion": "2025-11-25"}),
        await gateway.rpc(token, "tools/list"),
        await gateway.rpc(token, "tools/call", call),
        await modern(gateway, token, "server/discover", {}),
        await modern(gateway, token, "tools/list", {}),
        await modern(gateway, token, "tools/call", call),
    ]


async def test_last_day_is_announced_in_every_result_and_header(gateway, clock):
    server, expires_at = await server_for(gateway, 25)
    for answer in await answers(gateway, server.token):
        assert "sunset" not in answer.headers
        assert KEY not in answer.text
    clock.advance(HOUR + 1)
    for answer in await answers(gateway, server.token):
        assert parsedate_to_datetime(answer.headers["sunset"]) == expires_at
        assert datetime.fromisoformat(answer.json()["result"]["_meta"][KEY]) == expires_at


async def test_url_without_an_end_announces_none(gateway):
    server = await gateway.server()
    for answer in await answers(gateway, server.token):
        assert "sunset" not in answer.headers
        assert KEY not in answer.text


async def test_event_stream_and_what_is_posted_to_it_announce_the_last_day(gateway):
    server, expires_at = await server_for(gateway, 23)
    async with opened(gateway, server.token) as stream:
        assert parsedate_to_datetime(stream.response.headers["sunset"]) == expires_at
        posted = await stream.post(request("tools/list"))
        assert parsedate_to_datetime(posted.headers["sunset"]) == expires_at
        assert KEY in (await stream.message())["result"]["_meta"]


async def test_refused_from_the_second_on(gateway, clock):
    server, expires_at = await server_for(gateway, 1)
    clock.advance((expires_at - clock.now()).total_seconds() - 5)
    assert (await gateway.rpc(server.token, "tools/list")).status_code == 200
    clock.advance(5)
    dead = await gateway.rpc(server.token, "tools/list")
    assert dead.status_code == 404
    assert "sunset" not in dead.headers


async def test_record_in_redis_lives_no_longer_than_its_token(gateway, clock, redis_url):
    server, expires_at = await server_for(gateway, 1)
    clock.advance((expires_at - clock.now()).total_seconds() - 20)
    assert (await gateway.rpc(server.token, "tools/list")).status_code == 200
    digest = sha256(server.token.encode()).hexdigest()
    async with Redis.from_url(redis_url) as redis:
        assert 0 < await redis.pttl(f"rpgw:server:{{{digest}}}") <= 20_000


async def test_expired_server_is_swept_from_postgres_and_leaves_a_tombstone(stores, redis_url):
    async with (
        running_gateway(settings_for(stores, sweep_seconds=0.1)) as gateway,
        connected(stores.owner_url) as owner,
        Redis.from_url(redis_url) as redis,
    ):
        server, _ = await server_for(gateway, 1)
        await owner.execute("UPDATE mcp_servers SET expires_at = now() WHERE id = $1", server.id)
        digest = sha256(server.token.encode()).hexdigest()
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await redis.hexists(f"rpgw:server:{{{digest}}}", "d"):
                await asyncio.sleep(0.02)
        assert await owner.fetchval("SELECT count(*) FROM mcp_servers WHERE id = $1", server.id) == 0
    told = (await audit_rows(stores, server.tenant_id))[-1]
    assert (told["action"], told["object_id"], told["actor_kind"]) == ("mcp_server.expire", server.id, "system")
