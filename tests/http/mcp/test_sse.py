"""HTTP+SSE of 2024-11-05 on one replica: opening, messages, refusals, limits, and every way a stream ends."""

import asyncio
import contextlib
import re
import socket
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from mcp_gateway.constants import MAX_REQUEST_BYTES, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from mcp_gateway.main import create_app
from tests.support.asgi import serving
from tests.support.catalog import EVERY_TOOL, names_of
from tests.support.clocks import ShiftedClock
from tests.support.gateways import OPERATOR_KEY, Gateway, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.sse import LIMIT_SECONDS, open_now, opened, request
from tests.support.upstreams import GET, UPDATE, HeldUpstream

INITIALIZE = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
GONE, UNAVAILABLE = -31_410, -31_503


@pytest.fixture(scope="module")
async def server(gateway):
    return await gateway.server()


async def until(condition):
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.mark.requirement("sse.endpoint-event")
async def test_stream_begins_with_the_path_that_messages_go_to(gateway, server):
    async with opened(gateway, server.token) as stream:
        assert re.fullmatch(rf"/mcp/{server.token}/message/[0-9a-f]{{72}}", stream.path)
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"


async def test_path_stands_below_that_of_the_public_url(stores):
    async with running_gateway(settings_for(stores, public_url="https://gateway.example/tools/")) as gateway:
        server = await gateway.server()
        async with opened(gateway, server.token) as stream:
            assert stream.path.startswith(f"/tools/mcp/{server.token}/message/")


async def test_trailing_slash_opens_a_stream_too(gateway, server):
    async with opened(gateway, server.token, slash="/") as stream:
        assert (await stream.ask("ping"))["result"] == {}


@pytest.mark.requirement("sse.endpoints", "sse.posts", "sse.messages")
async def test_whole_session_runs_over_a_stream(gateway, server):
    async with opened(gateway, server.token) as stream:
        started = await stream.ask("initialize", INITIALIZE, request_id="first")
        assert started["result"]["protocolVersion"] == "2024-11-05"
        assert (await stream.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status_code == 202
        assert [tool["name"] for tool in (await stream.ask("tools/list"))["result"]["tools"]] == EVERY_TOOL
        result = await stream.call("list_all_richpanel_conversations", {"limit": 0})
        assert result["structuredContent"]["error"]["type"] == "invalid_arguments"
        assert (await stream.ask("resources/list"))["error"]["code"] == -32601


@pytest.mark.requirement("message.notification")
async def test_notification_leaves_nothing_on_the_stream(gateway, server):
    async with opened(gateway, server.token) as stream:
        posted = await stream.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}})
        assert (posted.status_code, posted.content) == (202, b"")
        assert (await stream.ask("ping", request_id=7))["id"] == 7


@pytest.mark.requirement("sse.own-stream")
async def test_streams_of_one_server_get_only_their_own_answers(gateway, server):
    async with opened(gateway, server.token) as one, opened(gateway, server.token) as two:
        assert one.path != two.path
        await one.post(request("ping", request_id="one"))
        await two.post(request("ping", request_id="two"))
        assert (await one.message())["id"] == "one"
        assert (await two.message())["id"] == "two"


async def test_what_is_no_request_is_answered_on_the_stream(gateway, server):
    async with opened(gateway, server.token) as stream:
        assert (await stream.post({"jsonrpc": "1.0", "id": 4, "method": "ping"})).status_code == 202
        answer = await stream.message()
        assert (answer["id"], answer["error"]["code"]) == (4, -32600)


@pytest.mark.requirement("sse.endpoints")
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PROPFIND"])
async def test_stream_is_opened_by_get_alone(gateway, server, method):
    for token in (server.token, "dead"):
        response = await gateway.client.request(method, f"{gateway.url}/mcp/{token}/sse")
        assert (response.status_code, response.headers["allow"]) == (405, "GET")


@pytest.mark.requirement("sse.posts")
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD", "OPTIONS", "PROPFIND"])
async def test_messages_are_posted_and_nothing_else(gateway, server, method):
    response = await gateway.client.request(method, f"{gateway.url}/mcp/{server.token}/message/x")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def opening(gateway, token, **headers):
    return await gateway.client.get(f"{gateway.url}/mcp/{token}/sse", headers=headers)


@pytest.mark.parametrize("accept", ["application/json", "text/html, image/*", "text/event-stream;q=0"])
async def test_client_that_cannot_read_events_is_406(gateway, server, accept):
    response = await opening(gateway, server.token, accept=accept)
    assert response.status_code == 406
    assert "text/event-stream" in response.json()["error"]["message"]


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "text/*", "application/json, text/event-stream;q=0.1"])
async def test_client_that_can_is_answered(gateway, server, accept):
    async with opened(gateway, server.token, accept=accept) as stream:
        assert stream.path


@pytest.mark.requirement("sse.origin")
async def test_origin_and_host_are_checked_before_the_token(stores):
    async with running_gateway(settings_for(stores, allowed_hosts="")) as strict:
        for path in ("sse", "message/x"):
            url = f"{strict.url}/mcp/dead/{path}"
            method = "GET" if path == "sse" else "POST"
            evil = {"origin": "https://evil.example", "content-type": "application/json"}
            assert (await strict.client.request(method, url, headers=evil)).status_code == 403
            assert (await strict.client.request(method, url, headers={"host": "evil.example"})).status_code == 421


@pytest.mark.requirement("sse.authentication")
async def test_dead_token_is_the_endpoints_own_404(gateway):
    token = tokens.mint(MCP_TOKEN_PREFIX).token
    expected = await gateway.rpc(token, "ping")
    for dead in (token, "x"):
        response = await opening(gateway, dead)
        assert (response.status_code, response.content) == (404, expected.content)
        posted = await gateway.client.post(f"{gateway.url}/mcp/{dead}/message/{'0' * 72}", json=request("ping"))
        assert (posted.status_code, posted.content) == (404, expected.content)


@pytest.mark.requirement("sse.authentication")
async def test_server_that_needs_an_api_token_needs_it_for_both(gateway):
    server = await gateway.server({"require_api_token_auth": True})
    key = await gateway.api_token(server.tenant_id)
    refused = await opening(gateway, server.token)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    async with opened(gateway, server.token, authorization=f"Bearer {key}") as stream:
        assert (await stream.post(request("ping"))).status_code == 401
        assert (await stream.post(request("ping"), **{"x-api-token": key})).status_code == 202
        assert (await stream.message())["result"] == {}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
        (b" " * (MAX_REQUEST_BYTES + 1), {}, 413),
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"[" * 5000, {}, 400),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', {}, 400),
    ],
)
async def test_unreadable_body_is_refused_at_once_with_a_json_rpc_error(gateway, server, content, headers, status):
    async with opened(gateway, server.token) as stream:
        response = await stream.post(content, **headers)
        assert response.status_code == status
        assert response.json()["error"]["message"]
        assert (await stream.ask("ping"))["result"] == {}


async def refused_as_gone(gateway, token, stream_id):
    url = f"{gateway.url}/mcp/{token}/message/{stream_id}"
    response = await gateway.client.post(url, json=request("tools/list"))
    assert (response.status_code, response.json()["error"]["code"]) == (404, GONE)
    assert "open it again" in response.json()["error"]["message"]


@pytest.mark.requirement("sse.own-stream", "sse.authentication")
async def test_message_url_is_good_only_with_its_own_token(gateway, server):
    other = await gateway.server()
    async with opened(gateway, server.token) as stream:
        stream_id = stream.path.rpartition("/")[2]
        await refused_as_gone(gateway, other.token, stream_id)
        assert (await stream.ask("ping", request_id="own"))["id"] == "own"


async def test_forged_and_malformed_stream_ids_are_answered_like_a_stream_that_is_gone(gateway, server):
    async with opened(gateway, server.token) as stream:
        good = stream.path.rpartition("/")[2]
        other_mac = good[:-1] + ("0" if good[-1] != "0" else "1")
        other_process = ("0" if good[0] != "0" else "1") + good[1:]
        for bad in (other_mac, other_process, good.upper(), good[:-1], good + "0", "x", "%00", "é"):
            await refused_as_gone(gateway, server.token, bad)


async def test_stream_of_a_client_that_left_is_gone(gateway):
    server = await gateway.server()
    before = await open_now(gateway, OPERATOR_KEY)
    async with opened(gateway, server.token) as stream:
        assert await open_now(gateway, OPERATOR_KEY) == before + 1

    async def left():
        return await open_now(gateway, OPERATOR_KEY) == before

    await until(left)
    await refused_as_gone(gateway, server.token, stream.path.rpartition("/")[2])


async def test_silent_stream_is_kept_alive_by_comments(stores):
    async with running_gateway(settings_for(stores, keep_alive_seconds=0.01)) as gateway:
        server = await gateway.server()
        async with opened(gateway, server.token) as stream:
            async with asyncio.timeout(LIMIT_SECONDS):
                async for line in stream._lines:
                    if line.startswith(":"):
                        break
            assert (await stream.ask("ping"))["result"] == {}


async def test_streams_over_a_limit_are_503_and_a_closed_one_makes_room(stores):
    async with running_gateway(settings_for(stores, max_streams=3, max_streams_per_server=2)) as gateway:
        one, two = await gateway.server(), await gateway.server()

        async def full(token):
            response = await opening(gateway, token)
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) >= 1
            assert response.json()["error"]["message"]

        async def two_open():
            return await open_now(gateway, OPERATOR_KEY) == 2

        async with opened(gateway, one.token), opened(gateway, two.token):
            async with opened(gateway, one.token):
                await full(one.token)
                await full(two.token)
            await until(two_open)
            async with opened(gateway, two.token):
                await full(two.token)


async def test_servers_of_a_tenant_share_its_limit_of_streams(stores):
    async with running_gateway(settings_for(stores, max_streams_per_tenant=2)) as gateway:
        one = await gateway.server()
        two = await gateway.server(tenant_id=one.tenant_id, account_id=one.account_id)
        other = await gateway.server()
        async with opened(gateway, one.token), opened(gateway, two.token):
            for token in (one.token, two.token):
                assert (await opening(gateway, token)).status_code == 503
            async with opened(gateway, other.token) as stream:
                assert (await stream.ask("ping"))["result"] == {}


@pytest.fixture
def no_room_to_read():
    """Sockets whose kernel takes next to nothing ahead of their reader."""

    def small(url):
        parts = urlsplit(url)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((parts.hostname, parts.port))
        return client

    return small


async def test_client_that_does_not_read_loses_its_stream(stores, no_room_to_read):
    upstream = HeldUpstream(subject="x" * 1_500_000)
    with captured_logs() as log:
        settings = settings_for(stores, log_format="json", result_max_characters=2_000_000)
        async with serving(upstream) as url:
            settings = settings.model_copy(update={"richpanel_url": url})
            async with running_gateway(settings) as gateway:
                server = await gateway.server()
                with contextlib.closing(no_room_to_read(gateway.url)) as client:
                    client.send(f"GET /mcp/{server.token}/sse HTTP/1.1\r\nhost: x\r\n\r\n".encode())
                    path = b""
                    while b"/message/" not in path:
                        path = await asyncio.to_thread(client.recv, 4096)
                    found = re.search(rb"data: (\S+)", path)
                    assert found
                    message = request("tools/call", {"name": GET, "arguments": {"id": "c1"}})
                    statuses = [
                        (await gateway.client.post(gateway.url + found[1].decode(), json=message)).status_code
                        for _ in range(12)
                    ]
                    assert statuses[0] == 202

                    async def gone():
                        response = await gateway.client.post(gateway.url + found[1].decode(), json=message)
                        return response.status_code == 404

                    await until(gone)
    assert "sse.slow_reader" in log.getvalue()
    assert server.token not in log.getvalue()


@pytest.mark.parametrize("what", ["server", "account", "tenant"])
async def test_stream_ends_when_its_server_is_deleted(gateway, what):
    server = await gateway.server()
    path = {
        "server": f"/integrated-account/{server.account_id}/mcp/{server.id}",
        "account": f"/integrated-account/{server.account_id}",
        "tenant": f"/tenant/{server.tenant_id}",
    }[what]
    async with opened(gateway, server.token) as stream:
        assert (await gateway.admin("DELETE", path)).status_code == 200
        assert await stream.ended()
        assert (await stream.post(request("ping"))).status_code == 404


async def test_stream_stays_when_its_server_is_only_changed(gateway):
    server = await gateway.server()
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    async with opened(gateway, server.token) as stream:
        assert (await gateway.admin("PATCH", path, {"config": {"tags": ["orders"]}})).status_code == 200
        left = (await stream.ask("tools/list"))["result"]["tools"]
        assert [tool["name"] for tool in left] == names_of(tags=["orders"])


async def test_stream_ends_when_its_token_expires(stores):
    clock = ShiftedClock()
    async with running_gateway(settings_for(stores), clock=clock) as gateway:
        server = await gateway.server(expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
        async with opened(gateway, server.token) as stream:
            clock.advance(3590)
            assert (await stream.ask("ping"))["result"] == {}
            clock.advance(11)
            assert await stream.ended()


async def test_stream_lives_on_when_its_token_is_to_expire_later(stores):
    clock = ShiftedClock()
    async with running_gateway(settings_for(stores), clock=clock) as gateway:
        soon, later = ((datetime.now(UTC) + timedelta(hours=hours)).isoformat() for hours in (1, 3))
        server = await gateway.server(expires_at=soon)
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        async with opened(gateway, server.token) as stream:
            assert (await gateway.admin("PATCH", path, {"expires_at": later})).status_code == 200
            assert (await stream.ask("ping"))["result"] == {}
            clock.advance(2 * 3600)
            assert (await stream.ask("ping"))["result"] == {}
            clock.advance(3600)
            assert await stream.ended()


async def test_streams_end_when_the_server_stops(stores):
    async with contextlib.AsyncExitStack() as stack, httpx.AsyncClient(timeout=20) as client:
        gateway = await stack.enter_async_context(running_gateway(settings_for(stores)))
        server = await gateway.server()
        async with opened(Gateway(gateway.url, client), server.token) as stream:
            stopping = asyncio.create_task(stack.aclose())
            assert await stream.ended()
            await stopping


async def test_replica_that_drains_is_not_ready_and_opens_no_stream(stores):
    application = create_app(settings_for(stores))
    async with serving(application) as url, httpx.AsyncClient(timeout=20) as client:
        gateway = Gateway(url, client)
        server = await gateway.server()
        async with opened(gateway, server.token) as stream:
            assert (await client.get(f"{url}/readyz")).status_code == 200
            application.drain()
            assert await stream.ended()
        assert (await client.get(f"{url}/readyz")).status_code == 503
        assert (await opening(gateway, server.token)).status_code == 503
        assert await gateway.tool_names(server.token)


@pytest.mark.parametrize(
    ("tool", "arguments", "status"),
    [(GET, {"id": "c1"}, "cancelled"), (UPDATE, {"id": "c1", "status": "CLOSED"}, "ok")],
    ids=["read", "write"],
)
async def test_read_whose_stream_ended_is_cancelled_and_a_write_is_let_finish(stores, tool, arguments, status):
    upstream = HeldUpstream()
    with captured_logs() as log:
        async with serving(upstream) as url:
            settings = settings_for(stores, richpanel_url=url, log_level="info", log_format="json")
            async with running_gateway(settings) as gateway:
                server = await gateway.server()
                upstream.hold()
                async with opened(gateway, server.token) as stream:
                    message = request("tools/call", {"name": tool, "arguments": arguments})
                    assert (await stream.post(message)).status_code == 202
                    async with asyncio.timeout(LIMIT_SECONDS):
                        await upstream.reached.wait()

                async def told(event):
                    return event in log.getvalue()

                await until(lambda: told("sse.call_cancelled"))
                upstream.may_answer.set()
                await until(lambda: told("tool_call.finished"))
    lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
    (finished,) = [line for line in lines if line["event"] == "tool_call.finished"]
    assert (finished["status"], finished["caller_gone"], upstream.requests) == (status, True, 1)


async def test_call_beyond_those_under_way_is_overloaded_on_the_stream_and_not_sent(stores):
    upstream = HeldUpstream()
    async with serving(upstream) as url:
        settings = settings_for(stores, richpanel_url=url, max_stream_calls_per_server=2)
        async with running_gateway(settings) as gateway:
            server, other = await gateway.server(), await gateway.server()
            upstream.hold()
            async with opened(gateway, server.token) as stream, opened(gateway, other.token) as another:
                call = {"name": GET, "arguments": {"id": "c1"}}
                for number in (1, 2):
                    assert (await stream.post(request("tools/call", call, number))).status_code == 202
                error = (await stream.call(GET, {"id": "c1"}))["structuredContent"]["error"]
                assert (error["type"], error["origin"]) == ("overloaded", "gateway")
                assert (await stream.ask("ping", request_id=3))["result"] == {}
                assert (await stream.ask("tools/list", request_id=4))["result"]["tools"]
                assert (await another.post(request("tools/call", call, "other"))).status_code == 202
                upstream.may_answer.set()
                assert {(await stream.message())["id"] for _ in range(2)} == {1, 2}
                assert (await another.message())["id"] == "other"
                assert upstream.requests == 3
                assert (await stream.call(GET, {"id": "c1"}))["isError"] is False


async def test_replica_that_drains_finishes_the_calls_under_way_and_takes_no_more(stores):
    upstream = HeldUpstream()
    async with serving(upstream) as upstream_url:
        application = create_app(settings_for(stores, richpanel_url=upstream_url))
        async with serving(application) as url, httpx.AsyncClient(timeout=20) as client:
            gateway = Gateway(url, client)
            server = await gateway.server()
            upstream.hold()
            async with opened(gateway, server.token) as idle, opened(gateway, server.token) as busy:
                message = request("tools/call", {"name": GET, "arguments": {"id": "c1"}}, "last")
                assert (await busy.post(message)).status_code == 202
                application.drain()
                refused = await busy.post(request("ping"))
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, UNAVAILABLE)
                assert int(refused.headers["retry-after"]) >= 1
                assert await idle.ended()
                upstream.may_answer.set()
                answer = await busy.message()
                assert (answer["id"], answer["result"]["isError"]) == ("last", False)
                assert await busy.ended()


async def test_accepted_is_said_before_the_call_is_done(stores):
    upstream = HeldUpstream()
    async with serving(upstream) as url, running_gateway(settings_for(stores, richpanel_url=url)) as gateway:
        server = await gateway.server()
        upstream.hold()
        async with opened(gateway, server.token) as stream:
            message = request("tools/call", {"name": GET, "arguments": {"id": "c1"}})
            assert (await stream.post(message)).status_code == 202
            assert (await stream.ask("ping", request_id="meanwhile"))["id"] == "meanwhile"
            upstream.may_answer.set()
            result = (await stream.message())["result"]
            assert result["structuredContent"]["result"]["subject"] == "Where is my parcel?"


async def test_neither_token_nor_stream_id_reaches_a_log_or_a_metric(stores):
    with captured_logs() as log:
        async with running_gateway(settings_for(stores, log_level="debug", log_format="json")) as gateway:
            server = await gateway.server()
            async with opened(gateway, server.token) as stream:
                await stream.ask("tools/list")
                await gateway.client.post(f"{gateway.url}{stream.path}x", json=request("ping"))
            metrics = (await gateway.admin("GET", "/metrics")).text
    lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
    routes = {line["route"] for line in lines if line["event"] == "http.request"}
    assert {"/mcp/{token}/sse", "/mcp/{token}/message/{stream_id}"} < routes
    assert 'route="/mcp/{token}/message/{stream_id}"' in metrics
    for text in (log.getvalue(), metrics):
        assert server.token not in text
        assert stream.path.rpartition("/")[2] not in text
