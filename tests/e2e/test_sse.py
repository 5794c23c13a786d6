"""HTTP+SSE over several replicas: the POST lands on one, the stream is open on another."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import orjson
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from redis.asyncio import Redis

from mcp_gateway.main import create_app
from tests.e2e.conftest import RICHPANEL_KEY
from tests.e2e.test_processes import serve, started
from tests.support.asgi import serving
from tests.support.catalog import EVERY_TOOL
from tests.support.gateways import Gateway, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.sse import LIMIT_SECONDS, opened, request
from tests.support.upstreams import GET, UPDATE, HeldUpstream

LIST = "list_all_richpanel_conversations"
GONE, UNAVAILABLE = -31_410, -31_503
CALL = {"name": GET, "arguments": {"id": "c1"}}


@dataclass(frozen=True)
class Pair:
    """Two replicas, their upstream and their log."""

    one: Gateway
    two: Gateway
    upstream: HeldUpstream
    log: io.StringIO

    def logged(self) -> str:
        return self.log.getvalue()

    async def until_logged(self, text: str) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while text not in self.logged():
                await asyncio.sleep(0.01)


@pytest.fixture
async def pair(own_database, valkey) -> AsyncIterator[Pair]:
    upstream = HeldUpstream()
    stores = replace(own_database, redis_url=valkey.url)
    with captured_logs() as log:
        async with serving(upstream) as url:
            settings = settings_for(
                stores, richpanel_url=url, log_level="info", log_format="json", result_max_characters=2_000_000
            )
            async with running_gateway(settings) as one, running_gateway(settings) as two:
                yield Pair(one, two, upstream, log)


async def marks(url: str) -> list[bytes]:
    async with contextlib.aclosing(Redis.from_url(url)) as redis:
        return [key async for key in redis.scan_iter("rpgw:stream-alive:*")]


@pytest.mark.requirement("sse.any-replica")
async def test_message_posted_to_one_replica_is_answered_on_the_stream_of_another(pair):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        assert [
            tool["name"] for tool in (await stream.ask("tools/list", via=pair.two))["result"]["tools"]
        ] == EVERY_TOOL
        result = await stream.call(GET, {"id": "c1"}, via=pair.two)
        assert result["structuredContent"]["result"]["subject"] == "Where is my parcel?"
        assert (await stream.ask("ping", via=pair.one, request_id="here"))["id"] == "here"
    assert pair.upstream.requests == 1


async def test_large_answer_crosses_replicas_whole(pair):
    subject = "Wo ist mein Päckchen? " * 60_000
    pair.upstream.body = orjson.dumps({"ticket": {"id": "c1", "subject": subject, "status": "OPEN"}})
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        result = await stream.call(GET, {"id": "c1"}, via=pair.two)
        assert result["structuredContent"]["result"]["subject"] == subject


async def test_answers_of_many_calls_by_way_of_the_other_replica_all_arrive(pair):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        posted = [stream.post(request("tools/call", CALL, number), via=pair.two) for number in range(40)]
        assert {response.status_code for response in await asyncio.gather(*posted)} == {202}
        assert {(await stream.message())["id"] for _ in range(40)} == set(range(40))


async def refused(stream, gateway, status, code):
    before = gateway.upstream.requests
    posted = await stream.post(request("tools/call", CALL), via=gateway.two)
    assert (posted.status_code, posted.json()["error"]["code"]) == (status, code)
    assert gateway.upstream.requests == before
    return posted


async def test_stream_that_is_gone_is_told_by_the_other_replica_and_nothing_is_executed(pair, valkey):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        assert len(await marks(valkey.url)) == 1
    async with asyncio.timeout(LIMIT_SECONDS):
        while await marks(valkey.url):
            await asyncio.sleep(0.01)
    await refused(stream, pair, 404, GONE)


async def test_message_url_of_another_server_is_refused_by_the_other_replica_too(pair):
    server, other = await pair.one.server(), await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        stream.path = stream.path.replace(server.token, other.token)
        await refused(stream, pair, 404, GONE)


async def test_stream_ends_when_its_server_is_deleted_on_the_other_replica(pair):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        assert (await pair.two.admin("DELETE", path)).status_code == 200
        assert await stream.ended()


async def test_without_redis_streams_go_on_here_and_the_other_replica_executes_nothing(pair, valkey):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        await asyncio.to_thread(valkey.kill)
        for number in range(3):
            answer = await stream.ask("tools/call", CALL, via=pair.one, request_id=number)
            assert not answer["result"].get("isError")
        posted = await refused(stream, pair, 503, UNAVAILABLE)
        assert int(posted.headers["retry-after"]) >= 1
        async with opened(pair.two, server.token) as late:
            assert (await late.ask("ping"))["result"] == {}
        await asyncio.to_thread(valkey.start)
        async with asyncio.timeout(LIMIT_SECONDS):
            while (await stream.post(request("ping", request_id="again"), via=pair.two)).status_code != 202:
                await asyncio.sleep(0.02)
        assert (await stream.message())["id"] == "again"


async def test_stream_ends_within_five_seconds_when_its_server_is_deleted_without_redis(pair, valkey):
    server = await pair.one.server()
    async with opened(pair.one, server.token) as stream:
        await asyncio.to_thread(valkey.kill)
        path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
        assert (await pair.two.admin("DELETE", path)).status_code == 200
        assert await stream.ended()


async def test_answers_are_sealed_on_their_way_through_redis(pair, valkey):
    server = await pair.one.server()
    async with (
        contextlib.aclosing(Redis.from_url(valkey.url)) as redis,
        redis.pubsub() as spy,
        opened(pair.one, server.token) as stream,
    ):
        await spy.subscribe(f"rpgw:stream:{stream_id(stream)[:16]}")
        await stream.call(GET, {"id": "c1"}, via=pair.two)
        seen = [await published(spy)]
        seen += [await redis.dump(key) or b"" for key in await marks(valkey.url)]
    assert len(seen) == 2
    for secret in (b"parcel", b"subject", b"jsonrpc", b"structuredContent", server.token.encode()):
        assert secret not in b"".join(seen)


async def test_forged_and_replaced_answers_never_reach_a_client(pair, valkey):
    server = await pair.one.server()
    async with (
        contextlib.aclosing(Redis.from_url(valkey.url)) as redis,
        redis.pubsub() as spy,
        opened(pair.one, server.token) as stream,
        opened(pair.one, server.token) as other,
    ):
        channel = f"rpgw:stream:{stream_id(stream)[:16]}"
        await spy.subscribe(channel)
        await stream.ask("ping", via=pair.two, request_id="real")
        sealed = await published(spy)
        for piece in forgeries(sealed, stream_id(stream), stream_id(other)):
            assert await redis.publish(channel, piece) == 2
        for each in (stream, other):
            assert (await each.ask("ping", via=pair.two, request_id="after"))["id"] == "after"
    assert "sse.piece_refused" in pair.logged()
    assert "link_failed" not in pair.logged()


def forgeries(sealed: bytes, stream_id: str, other_id: str) -> list[bytes]:
    """What somebody who may listen and publish can make of one true answer."""
    forged = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": "evil"}})
    label, _, body = sealed.partition(b"\n")
    return [
        *(b"", b"\n", forged, label, label + b"\n" + forged),
        f"{stream_id}:00:0:1\n".encode() + forged,
        f"{stream_id}:00:9:1\n".encode() + body,
        f"{stream_id}:\xff:0:1\n".encode("latin-1") + body,
        f"{'0' * 72}:00:0:1\n".encode() + body,
        # The true answer for another stream, as another message, in another place.
        sealed.replace(stream_id.encode(), other_id.encode()),
        label.replace(label.split(b":")[1], b"0" * 16) + b"\n" + body,
        label.replace(b":0:1", b":0:2") + b"\n" + body,
        label.replace(b":0:1", b":1:2") + b"\n" + body,
        sealed[:-1],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
    ]


async def published(spy) -> bytes:
    """The next message of a subscription."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            message = await spy.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message is not None:
                return bytes(message["data"])


def stream_id(stream) -> str:
    return str(stream.path.rpartition("/")[2])


async def test_answer_for_a_client_that_left_is_dropped_and_logged_without_secrets(pair):
    server = await pair.one.server()
    pair.upstream.hold()
    async with opened(pair.one, server.token) as stream:
        update = {"name": UPDATE, "arguments": {"id": "c1", "status": "CLOSED"}}
        assert (await stream.post(request("tools/call", update), via=pair.two)).status_code == 202
        async with asyncio.timeout(LIMIT_SECONDS):
            await pair.upstream.reached.wait()
    pair.upstream.may_answer.set()
    await pair.until_logged("sse.undelivered")
    assert pair.upstream.answered == pair.upstream.requests
    assert server.token not in pair.logged()


@pytest.mark.requirement("sse.messages")
async def test_official_client_lists_and_calls_tools_over_sse(world):
    server = await world.gateway.server(api_key=RICHPANEL_KEY)
    async with Client(sse_client(f"{server.url}/sse"), mode="legacy") as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == EVERY_TOOL
        result = await client.call_tool(LIST, {"limit": 2})
        assert len((result.structured_content or {})["result"]) == 2
        assert (await client.call_tool(LIST, {"limit": 0})).is_error


async def test_message_posted_to_one_process_is_answered_on_the_stream_of_another(world):
    async with serve(world) as one, serve(world) as two:
        server = await one.server(api_key=RICHPANEL_KEY)
        async with opened(one, server.token) as stream:
            result = await stream.call(LIST, {"limit": 2}, via=two)
            assert len(result["structuredContent"]["result"]) == 2
            path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
            assert (await two.admin("DELETE", path)).is_success
            assert await stream.ended()


async def test_messages_reach_the_worker_that_holds_the_stream(world):
    async with serve(world, "--workers", "2") as gateway:
        server = await gateway.server(api_key=RICHPANEL_KEY)
        async with opened(gateway, server.token) as stream:
            for number in range(10):
                # A connection of its own each time, which either worker may take.
                async with httpx.AsyncClient(timeout=20) as client:
                    other = Gateway(gateway.url, client)
                    assert (await stream.ask("ping", via=other, request_id=number))["id"] == number


async def test_stream_ends_at_once_when_its_process_is_told_to_stop(world):
    async with contextlib.AsyncExitStack() as stack, httpx.AsyncClient(timeout=20) as client:
        gateway = await stack.enter_async_context(serve(world))
        server = await gateway.server(api_key=RICHPANEL_KEY)
        async with opened(Gateway(gateway.url, client), server.token) as stream:
            stopping = asyncio.create_task(stack.aclose())
            assert await stream.ended()
            async with asyncio.timeout(LIMIT_SECONDS):
                await stopping


async def test_replica_that_drains_waits_for_a_call_that_another_one_makes(own_database, valkey):
    upstream = HeldUpstream()
    stores = replace(own_database, redis_url=valkey.url)
    async with serving(upstream) as upstream_url, httpx.AsyncClient(timeout=20) as client:
        settings = settings_for(stores, richpanel_url=upstream_url)
        application = create_app(settings)
        async with serving(application) as url, running_gateway(settings) as two:
            server = await two.server()
            upstream.hold()
            async with opened(Gateway(url, client), server.token) as stream:
                assert (await stream.post(request("tools/call", CALL, "last"), via=two)).status_code == 202
                application.drain()
                async with asyncio.timeout(LIMIT_SECONDS):
                    # Until the other replica hears of it, messages are still taken and answered.
                    while (posted := await stream.post(request("ping", request_id="late"), via=two)).status_code == 202:
                        assert (await stream.message())["id"] == "late"
                assert (posted.status_code, posted.json()["error"]["code"]) == (503, UNAVAILABLE)
                upstream.may_answer.set()
                answer = await stream.message()
                assert (answer["id"], answer["result"]["isError"]) == ("last", False)
                assert await stream.ended()


async def test_nothing_is_executed_for_a_stream_whose_process_was_killed(world):
    process, url = await started(world)
    async with serve(world) as two, httpx.AsyncClient(timeout=20) as client:
        server = await two.server(api_key=RICHPANEL_KEY)
        async with opened(Gateway(url, client), server.token) as stream:
            channel = f"rpgw:stream:{stream_id(stream)[:16]}"
            process.kill()
            await process.wait()
            with pytest.raises(httpx.RemoteProtocolError):
                await stream.event()
        async with contextlib.aclosing(Redis.from_url(world.stores.redis_url)) as redis:
            async with asyncio.timeout(LIMIT_SECONDS):
                while await redis.pubsub_channels(channel):
                    await asyncio.sleep(0.01)
        message = request("tools/call", {"name": LIST, "arguments": {}})
        posted = await stream.post(message, via=two)
        assert (posted.status_code, posted.json()["error"]["code"]) == (503, UNAVAILABLE)
        assert not world.simulator.recorder.requests
