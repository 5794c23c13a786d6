"""Calls that take long: an event stream where the client takes one, plain JSON otherwise; and clients that go away."""

import asyncio
import contextlib
import gc
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from mcp_gateway.http.mcp.patience import PatientAnswer
from tests.support.gateways import Gateway, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.peers import Exchange, Peer, answer
from tests.support.raw_http import exchange as exchange_raw
from tests.support.raw_http import opened

GET = "get_single_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
BOTH = "application/json, text/event-stream"
LIMIT_SECONDS = 5
QUICK = {"stream_after_seconds": 0.2, "keep_alive_seconds": 0.1}


@dataclass
class Upstream:
    """A Richpanel that keeps a request until it is told to answer."""

    peer: Peer = field(init=False)
    arrived: asyncio.Queue[Exchange] = field(default_factory=asyncio.Queue)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    body: bytes = b'{"ticket":{"id":"x","subject":"s"}}'

    def __post_init__(self) -> None:
        self.peer = Peer(self._answer)

    async def _answer(self, exchange: Exchange) -> bool:
        self.arrived.put_nowait(exchange)
        await self.may_answer.wait()
        await exchange.write(answer(self.body, "content-type: application/json", "x-ratelimit-remaining: 49"))
        return True


@contextlib.asynccontextmanager
async def slow_gateway(stores, **settings) -> AsyncIterator[tuple[Gateway, Upstream]]:
    upstream = Upstream()
    async with (
        upstream.peer,
        running_gateway(settings_for(stores, richpanel_url=upstream.peer.url, **QUICK | settings)) as gateway,
    ):
        try:
            yield gateway, upstream
        finally:
            upstream.may_answer.set()


def call(tool=GET, arguments=None, **meta):
    params = {"name": tool, "arguments": arguments or {"id": "x"}}
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {**params, **({"_meta": meta} if meta else {})},
    }


def tag():
    return call(TAG, {"conversation_id": "x", "tags": ["vip"]})


async def chunks_until(response: httpx.Response, wanted: str) -> str:
    """What has arrived once `wanted` is part of it."""
    text = ""
    async with asyncio.timeout(LIMIT_SECONDS):
        async for chunk in response.aiter_text():
            text += chunk
            if wanted in text:
                return text
    raise AssertionError(text)


@pytest.mark.requirement("transport.answer-type", "stream.ends", "stream.unbuffered", "stream.keep-alive")
async def test_call_that_outlasts_the_limit_becomes_a_stream_that_is_kept_alive_and_ends_with_the_answer(stores):
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        async with gateway.client.stream("POST", server.url, json=call(), headers={"accept": BOTH}) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["x-accel-buffering"] == "no"
            assert response.headers["cache-control"] == "no-store, no-transform"
            chunks = response.aiter_text()
            first = [await anext(chunks), await anext(chunks)]
            assert set(first) == {": keep-alive\n\n"}
            upstream.may_answer.set()
            rest = "".join([chunk async for chunk in chunks])
        last = rest.strip().removeprefix(": keep-alive\n\n").split("\n\n")[-1]
        name, data = last.split("\n")
        assert name == "event: message"
        message = json.loads(data.removeprefix("data: "))
        assert message["id"] == 1
        assert message["result"]["structuredContent"]["result"]["subject"] == "s"
        assert len(upstream.peer.exchanges) == 1


async def test_call_that_was_watched_leaves_nothing_to_the_garbage_collector(stores):
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        gc.collect()
        gc.disable()
        try:
            async with gateway.client.stream("POST", server.url, json=call(), headers={"accept": BOTH}) as response:
                chunks = response.aiter_text()
                assert await anext(chunks) == ": keep-alive\n\n"
                upstream.may_answer.set()
                assert '"subject":"s"' in "".join([chunk async for chunk in chunks])
            async with asyncio.timeout(LIMIT_SECONDS):
                while any(type(one) is PatientAnswer for one in gc.get_objects()):
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()


async def test_quick_call_is_plain_json_with_rate_limit_headers_also_when_progress_is_asked_for(stores):
    async with slow_gateway(stores, stream_after_seconds=60) as (gateway, upstream):
        upstream.may_answer.set()
        server = await gateway.server()
        for message in (call(), call(progressToken="p")):
            response = await gateway.client.post(server.url, json=message, headers={"accept": BOTH})
            assert response.headers["content-type"] == "application/json"
            assert response.headers["ratelimit-remaining"] == "49"
            assert response.json()["result"]["isError"] is False


@pytest.mark.requirement("transport.answer-type")
@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/event-stream;q=0"])
async def test_client_that_takes_no_stream_gets_json_however_long_it_takes(stores, accept):
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        pending = asyncio.create_task(gateway.client.post(server.url, json=call(), headers={"accept": accept}))
        exchange = await asyncio.wait_for(upstream.arrived.get(), LIMIT_SECONDS)
        # Twice the limit, told by the upstream connection and not by a sleep: nobody may have hung up.
        assert not await exchange.gone(within=2 * QUICK["stream_after_seconds"])
        upstream.may_answer.set()
        response = await pending
        assert response.headers["content-type"] == "application/json"
        assert response.json()["result"]["isError"] is False


async def test_slow_batch_is_streamed_as_one_array(stores):
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        batch = [call(), {"jsonrpc": "2.0", "id": 2, "method": "ping"}]
        async with gateway.client.stream("POST", server.url, json=batch, headers={"accept": BOTH}) as response:
            chunks = response.aiter_text()
            assert await anext(chunks) == ": keep-alive\n\n"
            upstream.may_answer.set()
            rest = "".join([chunk async for chunk in chunks])
        [data] = [line.removeprefix("data: ") for line in rest.splitlines() if line.startswith("data: ")]
        assert [message["id"] for message in json.loads(data)] == [1, 2]


async def abandoned(gateway: Gateway, url: str, message, upstream: Upstream, accept: str = BOTH) -> Exchange:
    """Send a call, wait until it is upstream, hang up; the exchange there."""
    _, writer = await opened(gateway.url)
    body = orjson.dumps(message)
    head = (
        f"POST {urlsplit(url).path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: {accept}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    exchange = await asyncio.wait_for(upstream.arrived.get(), LIMIT_SECONDS)
    writer.close()
    return exchange


async def metric(gateway: Gateway, name: str, wanted: float) -> None:
    """Return once the metric line has this value."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            text = (await gateway.admin("GET", "/metrics")).text
            if f"{name} {wanted}" in text:
                return


@pytest.mark.parametrize("accept", [BOTH, "application/json"])
async def test_client_that_goes_away_ends_its_read_upstream_and_is_counted(stores, accept):
    async with slow_gateway(stores, stream_after_seconds=60) as (gateway, upstream):
        server = await gateway.server()
        exchange = await abandoned(gateway, server.url, call(), upstream, accept)
        assert await exchange.gone(within=LIMIT_SECONDS)
        await metric(gateway, f'gateway_callers_gone_total{{status="cancelled",tool="{GET}"}}', 1.0)
        await metric(gateway, f'gateway_tool_calls_total{{status="cancelled",tool="{GET}"}}', 1.0)


async def test_client_that_goes_away_from_a_stream_ends_its_read_too(stores):
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        async with gateway.client.stream("POST", server.url, json=call(), headers={"accept": BOTH}) as response:
            await chunks_until(response, "keep-alive")
            exchange = await asyncio.wait_for(upstream.arrived.get(), LIMIT_SECONDS)
        assert await exchange.gone(within=LIMIT_SECONDS)


@pytest.mark.requirement("cancel.disconnect", "cancel.stops")
async def test_modern_client_that_closes_its_stream_has_cancelled_the_request(stores):
    version = "2026-07-28"
    keys = {"protocolVersion": version, "clientCapabilities": {}}
    message = call(**{f"io.modelcontextprotocol/{key}": value for key, value in keys.items()})
    headers = {"accept": BOTH, "mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": GET}
    async with slow_gateway(stores) as (gateway, upstream):
        server = await gateway.server()
        async with gateway.client.stream("POST", server.url, json=message, headers=headers) as response:
            await chunks_until(response, "keep-alive")
            exchange = await asyncio.wait_for(upstream.arrived.get(), LIMIT_SECONDS)
        assert await exchange.gone(within=LIMIT_SECONDS)
        await metric(gateway, f'gateway_tool_calls_total{{status="cancelled",tool="{GET}"}}', 1.0)


@pytest.mark.requirement("cancel.write-finishes")
async def test_write_whose_client_went_away_is_let_finish_and_is_counted(stores):
    async with slow_gateway(stores, stream_after_seconds=60) as (gateway, upstream):
        server = await gateway.server()
        exchange = await abandoned(gateway, server.url, tag(), upstream)
        # Longer than a read would have been left alone.
        assert not await exchange.gone(within=0.5)
        upstream.may_answer.set()
        await metric(gateway, f'gateway_callers_gone_total{{status="ok",tool="{TAG}"}}', 1.0)
        assert len(upstream.peer.exchanges) == 1


async def test_stopping_waits_for_a_write_whose_client_went_away(stores):
    with captured_logs() as logs:
        upstream = Upstream()
        async with upstream.peer:
            settings = settings_for(stores, richpanel_url=upstream.peer.url, log_level="info")
            async with running_gateway(settings) as gateway:
                server = await gateway.server()
                exchange = await abandoned(gateway, server.url, tag(), upstream)
                assert not await exchange.gone(within=0.5)
                asyncio.get_running_loop().call_later(0.2, upstream.may_answer.set)
    finished = [orjson.loads(line) for line in logs.getvalue().splitlines() if "tool_call.finished" in line]
    assert [(line["tool"], line["status"], line["caller_gone"]) for line in finished] == [(TAG, "ok", True)]


async def test_call_after_an_abandoned_one_works(stores):
    async with slow_gateway(stores, stream_after_seconds=60) as (gateway, upstream):
        server = await gateway.server()
        exchange = await abandoned(gateway, server.url, call(), upstream)
        assert await exchange.gone(within=LIMIT_SECONDS)
        upstream.may_answer.set()
        assert (await gateway.call(server.token, GET, {"id": "x"}))["isError"] is False


@pytest.mark.requirement("meta.trace")
async def test_trace_context_goes_upstream_as_a_child_span(stores):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    async with slow_gateway(stores) as (gateway, upstream):
        upstream.may_answer.set()
        server = await gateway.server()
        in_body = call(traceparent=f"00-{trace}-{span}-01", tracestate="shop=1", baggage="user=ann")
        headers = {"traceparent": f"00-{'1' * 32}-{span}-00"}
        await gateway.client.post(server.url, json=in_body, headers=headers)
        await gateway.client.post(server.url, json=call(), headers=headers)
        await gateway.client.post(server.url, json=call())
        from_body, from_header, without = [exchange.headers for exchange in upstream.peer.exchanges]
        version, trace_id, span_id, flags = from_body["traceparent"].split("-")
        assert (version, trace_id, flags, from_body["tracestate"]) == ("00", trace, "01", "shop=1")
        assert span_id != span
        assert from_header["traceparent"].startswith(f"00-{'1' * 32}-")
        assert not {"traceparent", "baggage"} & without.keys()
        assert "baggage" not in from_body


async def test_client_that_goes_away_ends_its_read_also_with_another_request_behind_it(stores):
    with captured_logs() as logs:
        async with slow_gateway(stores, stream_after_seconds=60, log_level="info") as (gateway, upstream):
            server = await gateway.server()
            _, writer = await opened(gateway.url)
            body = orjson.dumps(call())
            head = f"POST {urlsplit(server.url).path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            one = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
            writer.write(one + one)
            await writer.drain()
            exchange = await asyncio.wait_for(upstream.arrived.get(), LIMIT_SECONDS)
            writer.close()
            assert await exchange.gone(within=LIMIT_SECONDS)
            await metric(gateway, f'gateway_callers_gone_total{{status="cancelled",tool="{GET}"}}', 1.0)
            assert len(upstream.peer.exchanges) == 1
    assert '"level":"error"' not in logs.getvalue()


async def test_requests_behind_one_another_are_answered_in_order(stores):
    async with slow_gateway(stores) as (gateway, upstream):
        upstream.may_answer.set()
        server = await gateway.server()
        bodies = [orjson.dumps({"jsonrpc": "2.0", "id": n, "method": "ping"}) for n in range(20)]
        head = f"POST {urlsplit(server.url).path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        sent = [f"{head}content-length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
        sent[-1] = sent[-1].replace(b"host: x", b"host: x\r\nconnection: close")
        received = await exchange_raw(gateway.url, b"".join(sent))
        assert [int(found) for found in re.findall(rb'"id":(\d+)', received)] == list(range(20))
