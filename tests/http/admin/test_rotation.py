"""Another token for a server: shown once, the old one working for as long as was promised and no longer."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from redis.asyncio import Redis

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.audit import audit_rows
from tests.support.clocks import ShiftedClock
from tests.support.databases import connected
from tests.support.gateways import running_gateway, settings_for
from tests.support.problems import field_problem, problem
from tests.support.sse import opened

WEEK = 7 * 24 * 3600
LIMIT_SECONDS = 10


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def gateway(stores, clock):
    async with running_gateway(settings_for(stores), clock=clock) as running:
        yield running


def path(server):
    return f"/integrated-account/{server.account_id}/mcp/{server.id}"


async def rotated(gateway, server, **body):
    response = await gateway.admin("POST", f"{path(server)}/rotate", body)
    assert response.status_code == 200, response.text
    return response.json()


async def is_alive(gateway, token):
    return (await gateway.rpc(token, "tools/list")).status_code == 200


def instant(text):
    return datetime.fromisoformat(text)


async def test_new_token_takes_the_old_ones_place_at_once(gateway):
    server = await gateway.server({"methods": ["read"]})
    assert await is_alive(gateway, server.token)
    answer = await rotated(gateway, server)
    assert tokens.parse(answer["token"], MCP_TOKEN_PREFIX)
    assert answer["url"].endswith(f"/mcp/{answer['token']}")
    assert (answer["id"], answer["config"]) == (server.id, {"methods": ["read"]})
    assert instant(answer["previous_token_expires_at"]) <= datetime.now(UTC) + timedelta(seconds=1)
    assert await is_alive(gateway, answer["token"])
    assert (await gateway.rpc(server.token, "tools/list")).status_code == 404
    shown = await gateway.admin("GET", path(server))
    assert answer["token"] not in shown.text
    assert shown.headers["etag"] == '"2"'


async def test_body_may_be_left_out(gateway):
    server = await gateway.server()
    response = await gateway.admin("POST", f"{path(server)}/rotate")
    assert response.status_code == 200
    assert not await is_alive(gateway, server.token)
    assert await is_alive(gateway, response.json()["token"])


async def test_old_token_works_until_the_overlap_ends_and_announces_it(gateway, clock):
    server = await gateway.server()
    answer = await rotated(gateway, server, overlap_seconds=3600)
    old, new = [await gateway.rpc(token, "tools/list") for token in (server.token, answer["token"])]
    assert "sunset" in old.headers
    assert "sunset" not in new.headers
    assert old.json()["result"]["_meta"]["richpanel-mcp-gateway/expiresAt"]
    clock.advance(3590)
    assert await is_alive(gateway, server.token)
    clock.advance(10)
    assert not await is_alive(gateway, server.token)
    assert await is_alive(gateway, answer["token"])


async def test_rotating_again_within_an_overlap_keeps_each_promise(gateway, clock):
    server = await gateway.server()
    second = await rotated(gateway, server, overlap_seconds=7200)
    third = await rotated(gateway, server, overlap_seconds=600)
    fourth = await rotated(gateway, server)
    alive = [server.token, second["token"], third["token"], fourth["token"]]
    assert [await is_alive(gateway, token) for token in alive] == [True, True, False, True]
    clock.advance(601)
    assert [await is_alive(gateway, token) for token in alive] == [True, False, False, True]
    clock.advance(6600)
    assert [await is_alive(gateway, token) for token in alive] == [False, False, False, True]


async def test_overlap_never_outlasts_the_server(gateway, clock):
    expires_at = (datetime.now(UTC) + timedelta(minutes=10)).replace(microsecond=0)
    server = await gateway.server(expires_at=expires_at.isoformat())
    answer = await rotated(gateway, server, overlap_seconds=WEEK)
    assert instant(answer["previous_token_expires_at"]) == expires_at
    clock.advance(601)
    for token in (server.token, answer["token"]):
        assert not await is_alive(gateway, token)


async def test_what_is_changed_holds_for_the_old_token_too(gateway):
    server = await gateway.server()
    answer = await rotated(gateway, server, overlap_seconds=600)
    for token in (server.token, answer["token"]):
        assert len(await gateway.tool_names(token)) > 3
    assert (await gateway.admin("PATCH", path(server), {"config": {"tags": ["orders"]}})).status_code == 200
    assert await gateway.tool_names(server.token) == await gateway.tool_names(answer["token"])


@pytest.mark.parametrize("what", ["server", "account", "tenant"])
async def test_deletion_ends_the_replaced_tokens_too(gateway, what):
    server = await gateway.server()
    last = await rotated(gateway, server, overlap_seconds=600)
    last = await rotated(gateway, server, overlap_seconds=600)
    target = {
        "server": path(server),
        "account": f"/integrated-account/{server.account_id}",
        "tenant": f"/tenant/{server.tenant_id}",
    }[what]
    assert (await gateway.admin("DELETE", target)).status_code == 200
    for token in (server.token, last["token"]):
        assert not await is_alive(gateway, token)


@pytest.mark.parametrize("overlap", [-1, WEEK + 1, 1.5, "60", True, None])
async def test_overlap_that_is_none_is_refused_and_nothing_changes(gateway, overlap):
    server = await gateway.server()
    response = await gateway.admin("POST", f"{path(server)}/rotate", {"overlap_seconds": overlap})
    field_problem(response, "overlap_seconds")
    assert await is_alive(gateway, server.token)
    assert (await gateway.admin("GET", path(server))).headers["etag"] == '"1"'


async def test_replaced_tokens_that_work_are_bounded(gateway):
    server = await gateway.server()
    for _ in range(10):
        await rotated(gateway, server, overlap_seconds=60)
    response = await gateway.admin("POST", f"{path(server)}/rotate", {"overlap_seconds": 60})
    assert "must be 0" in field_problem(response, "overlap_seconds")["message"]
    assert await is_alive(gateway, (await rotated(gateway, server))["token"])


async def test_two_rotations_of_the_same_version_are_one(gateway):
    server = await gateway.server()
    headers = {"If-Match": '"1"'}
    answers = await asyncio.gather(
        *(gateway.admin("POST", f"{path(server)}/rotate", {}, headers=headers) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_rotation_is_in_the_audit_log_without_a_token(gateway, stores):
    server = await gateway.server()
    answer = await rotated(gateway, server, overlap_seconds=60)
    row = (await audit_rows(stores, server.tenant_id))[-1]
    assert (row["action"], row["object_id"]) == ("mcp_server.rotate", server.id)
    assert "previous_token_expires_at" in row["after"]
    assert server.token not in str(row)
    assert answer["token"] not in str(row)


async def test_deleted_account_counts_its_servers_and_not_their_tokens(gateway, stores):
    server = await gateway.server()
    await rotated(gateway, server, overlap_seconds=60)
    await gateway.admin("DELETE", f"/integrated-account/{server.account_id}")
    row = (await audit_rows(stores, server.tenant_id))[-1]
    assert json.loads(row["before"])["servers_deleted"] == 1


async def test_event_stream_of_the_old_token_ends_with_it(gateway):
    server = await gateway.server()
    async with opened(gateway, server.token) as stream:
        await rotated(gateway, server)
        assert await stream.ended()


async def test_server_that_never_was_is_404(gateway):
    server = await gateway.server()
    await gateway.admin("DELETE", path(server))
    problem(await gateway.admin("POST", f"{path(server)}/rotate", {}), 404, "not_found")


async def test_replaced_token_is_swept_once_its_overlap_has_ended(stores, redis_url):
    async with (
        running_gateway(settings_for(stores, sweep_seconds=0.1)) as gateway,
        connected(stores.owner_url) as owner,
        Redis.from_url(redis_url) as redis,
    ):
        server = await gateway.server()
        answer = await rotated(gateway, server, overlap_seconds=3600)
        ended = "UPDATE retiring_server_tokens SET expires_at = now() WHERE server_id = $1"
        await owner.execute(ended, server.id)
        digest = sha256(server.token.encode()).hexdigest()
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await redis.hexists(f"rpgw:server:{{{digest}}}", "d"):
                await asyncio.sleep(0.02)
        left = "SELECT count(*) FROM retiring_server_tokens WHERE server_id = $1"
        assert await owner.fetchval(left, server.id) == 0
        assert not await is_alive(gateway, server.token)
        assert await is_alive(gateway, answer["token"])


async def test_expired_server_is_swept_with_its_replaced_tokens(stores):
    async with (
        running_gateway(settings_for(stores, sweep_seconds=0.1)) as gateway,
        connected(stores.owner_url) as owner,
    ):
        server = await gateway.server()
        await rotated(gateway, server, overlap_seconds=3600)
        await owner.execute("UPDATE mcp_servers SET expires_at = now() WHERE id = $1", server.id)
        async with asyncio.timeout(LIMIT_SECONDS):
            while await owner.fetchval("SELECT count(*) FROM mcp_servers WHERE id = $1", server.id):
                await asyncio.sleep(0.02)
        assert not await is_alive(gateway, server.token)
