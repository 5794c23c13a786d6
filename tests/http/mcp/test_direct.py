"""The short way gives the answers of the long one, and takes nothing for a known request that is none."""

import asyncio
import gc
import itertools
import json

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.fixtures import FixtureHost
from tests.support.asgi import serving
from tests.support.gateways import LEGACY, MODERN, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.raw_http import LIMIT_SECONDS, connection, opened
from tests.support.upstreams import GET, HeldUpstream

META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
USUAL, UNUSUAL = "application/json, text/event-stream", "application/json;q=0.9, text/event-stream"
"""Two values of `Accept` that mean the same; only the first is taken the short way."""
CHANGING = {"date", "x-request-id", "ratelimit"}


def message(method="ping", params=None, request_id=1):
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})


def request(token, body, *, accept=USUAL, version=LEGACY, lines=()):
    fields = ("host: localhost", "content-type: application/json", f"accept: {accept}", *lines)
    head = (
        f"POST /mcp/{token} HTTP/1.1",
        *fields,
        f"mcp-protocol-version: {version}",
        f"content-length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


class Watched:
    """A gateway, and the bodies its short way was asked to answer."""

    def __init__(self, edge):
        self._edge, self._direct = edge, edge.direct
        self.drain, self.head, self.scope = edge.drain, edge.direct.head, edge.direct.scope
        self.direct = self
        self.bodies = []

    async def __call__(self, scope, receive, send):
        await self._edge(scope, receive, send)

    def answer(self, head, body):
        self.bodies.append(body)
        if b"explode" in body:
            raise ZeroDivisionError
        return self._direct.answer(head, body)


@pytest.fixture
def watched():
    return []


@pytest.fixture
async def gateway(stores, watched):
    def seen_by(edge):
        watched.append(Watched(edge))
        return watched[0]

    async with running_gateway(settings_for(stores), seen_by=seen_by) as running:
        yield running


@pytest.fixture
def taken(gateway, watched):  # noqa: ARG001 - it is there once the gateway runs
    return watched[0].bodies


BODIES = {
    "ping": message(),
    "list": message("tools/list"),
    "list with a cursor": message("tools/list", {"cursor": "x"}),
    "hello": message("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t"}}),
    "hello without a version": message("initialize"),
    "discovery": message("server/discover", {"_meta": META}),
    "notification": b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    "unknown method": message("resources/list"),
    "wrong arguments": message("tools/call", {"name": GET, "arguments": {"nobody": 1}}),
    "unknown tool": message("tools/call", {"name": "nothing"}),
    "no JSON": b'{"jsonrpc":',
    "a name twice": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
    "an array": b"[" + message() + b"]",
    "nothing": b"",
}


@pytest.mark.parametrize("version", [LEGACY, MODERN, "2025-03-26", "1999-01-01"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_both_ways_give_the_same_answer(gateway, taken, body, version):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")  # from now on the token is known
    async with connection(gateway.url) as wire:
        taken.clear()
        long = await wire.ask(request(server.token, body, version=version, accept=UNUSUAL))
        assert taken == []
        short = [await wire.ask(request(server.token, body, version=version)) for _ in range(3)]
        assert taken == [body] * 3
    for answer in short:
        assert (answer.status, answer.body) == (long.status, long.body)
        assert {h for h in answer.headers if h[0] not in CHANGING} == {h for h in long.headers if h[0] not in CHANGING}
        assert [n for n, _ in answer.headers if n in CHANGING] == [n for n, _ in long.headers if n in CHANGING]
    ids = [answer.header("x-request-id") for answer in (long, *short)]
    assert len(set(ids)) == len(ids)


async def test_both_ways_are_logged_alike(stores):
    with captured_logs() as logs:
        async with running_gateway(settings_for(stores, log_level="info")) as gateway:
            server = await gateway.server()
            await gateway.rpc(server.token, "ping")
            async with connection(gateway.url) as wire:
                answers = [
                    await wire.ask(request(server.token, message(), accept=accept))
                    for accept in (UNUSUAL, USUAL, USUAL)
                ]
        told = [json.loads(line) for line in logs.getvalue().splitlines() if '"http.request"' in line]
        assert server.token not in logs.getvalue()
    ids = [answer.header("x-request-id") for answer in answers]
    lines = [line for line in told if line["request_id"] in ids]
    assert [line.pop("request_id") for line in lines] == ids
    for line in lines:
        del line["ms"], line["timestamp"]
    assert lines[0] == lines[1] == lines[2]


async def test_requests_with_one_head_have_answers_of_their_own(gateway, taken):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    async with connection(gateway.url) as wire:
        for request_id in range(100, 140):
            answer = await wire.ask(request(server.token, message(request_id=request_id)))
            assert answer.json == {"jsonrpc": "2.0", "id": request_id, "result": {}}
        assert (await wire.ask(request(server.token, b"[" * len(message())))).json["error"]["code"] == -32700
        assert (await wire.ask(request(server.token, message(request_id=7)))).json["id"] == 7
    assert len(taken) == 1 + 40 + 2  # all of them, the ping of the preparation too


async def test_revoked_token_is_dead_to_a_connection_that_has_used_it(gateway):
    server = await gateway.server()
    async with connection(gateway.url) as wire:
        for _ in range(3):
            assert (await wire.ask(request(server.token, message()))).status == 200
        await gateway.admin("DELETE", f"/integrated-account/{server.account_id}/mcp/{server.id}")
        answer = await wire.ask(request(server.token, message()))
        assert (answer.status, answer.json["error"]["code"]) == (404, -31404)


async def test_another_token_on_the_same_connection_is_another_server(gateway):
    one, other = await gateway.server(), await gateway.server({"methods": ["list"]})
    async with connection(gateway.url) as wire:
        counts = []
        for server in (one, one, other, other, one):
            answer = await wire.ask(request(server.token, message("tools/list")))
            counts.append(len(answer.json["result"]["tools"]))
    assert counts[0] == counts[1] == counts[4] != counts[2] == counts[3]


async def told(url, *pieces):
    """Everything that is answered to these pieces, until the connection is ended."""
    reader, writer = await opened(url)
    async with asyncio.timeout(LIMIT_SECONDS):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            # The server reads it as a piece of its own: nothing follows until it has had its turns.
            for _ in range(20):
                await asyncio.sleep(0)
        text = await reader.read()
    writer.close()
    return [part.partition(b"\r\n\r\n") for part in text.split(b"HTTP/1.1 ")[1:]]


async def answers_to(url, *pieces):
    """The ids of those answers."""
    return [orjson.loads(body).get("id") for _, _, body in await told(url, *pieces) if body]


LAST = ("connection: close",)


async def test_known_request_inside_a_body_is_no_request(gateway):
    """What is still to come of a body may look like the request before, to the byte."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    known = request(server.token, message(request_id=1))
    hidden = request(server.token, message(request_id=2))
    assert len(known) == len(hidden)
    head = request(server.token, hidden)[: -len(hidden)]
    last = request(server.token, message(request_id=3), lines=LAST)
    assert await answers_to(gateway.url, known, known, head, hidden, last) == [1, 1, None, 3]


async def test_known_request_inside_a_body_that_came_too_late_is_no_request(gateway):
    """Some requests have their answer before their body has come."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    known = request(server.token, message(request_id=1))
    hidden = request(server.token, message(request_id=2))
    early = f"GET /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(hidden)}\r\n\r\n".encode()
    last = request(server.token, message(request_id=3), lines=LAST)
    assert await answers_to(gateway.url, known, known, early, hidden, last) == [1, 1, None, 3]


async def test_what_came_before_a_head_is_no_part_of_it(gateway):
    """The end of a body nobody waited for came in one piece with a request; alone it would be no request."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    early = b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n"
    piece = b"xx" + request(server.token, message(request_id=1))
    answers = await told(gateway.url, early, piece, piece)
    assert [head[:3] for head, _, _ in answers] == [b"404", b"200", b"400"]


async def test_two_requests_in_one_piece_are_two_each_time(gateway):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    both = request(server.token, message(request_id=1)) + request(server.token, message(request_id=2))
    last = request(server.token, message(request_id=3), lines=LAST)
    assert await answers_to(gateway.url, both, both, both, last) == [1, 2, 1, 2, 1, 2, 3]


async def test_any_number_of_requests_in_one_piece_is_answered(gateway):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    ids = range(100, 900)
    stream = b"".join(request(server.token, message(request_id=number)) for number in ids)
    assert await answers_to(gateway.url, stream + request(server.token, message(), lines=LAST)) == [*ids, 1]


async def test_bug_in_a_request_that_waited_ends_its_connection(gateway):
    """Nobody waits for ever, and what was answered before is not lost."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    bodies = (message(request_id=1), message("explode", request_id=2), message(request_id=3))
    stream = b"".join(request(server.token, body) for body in bodies)
    assert await answers_to(gateway.url, stream) == [1]


async def test_chunks_are_no_part_of_the_next_head(gateway):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    body = message(request_id=1, params={"more": "x" * 8000})
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    fields = ("host: localhost", "content-type: application/json", "transfer-encoding: chunked")
    head = "\r\n".join([f"POST /mcp/{server.token} HTTP/1.1", *fields, "", ""]).encode()
    last = request(server.token, message(request_id=2), lines=LAST)
    assert await answers_to(gateway.url, head + chunks + last[:60], last[60:]) == [1, 2]


async def test_line_ends_behind_a_request_are_no_part_of_it(gateway):
    """Old clients send them after a POST (RFC 9112 §2.2)."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    pieces = [request(server.token, message(request_id=number)) + b"\r\n" for number in (1, 2, 3)]
    assert await answers_to(gateway.url, *pieces, request(server.token, message(), lines=LAST)) == [1, 2, 3, 1]


async def test_large_answers_to_who_reads_late_come_whole_and_in_order(gateway):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    ids = range(100, 250)
    stream = b"".join(request(server.token, message("tools/list", request_id=number)) for number in ids)
    reader, writer = await opened(gateway.url)
    async with asyncio.timeout(LIMIT_SECONDS):
        writer.write(stream + request(server.token, message(), lines=LAST))
        await writer.drain()
        for _ in range(500):  # more has been asked for by now than any buffer takes
            await asyncio.sleep(0)
        text = await reader.read()
    writer.close()
    answers = [part.partition(b"\r\n\r\n")[2] for part in text.split(b"HTTP/1.1 ")[1:]]
    assert [orjson.loads(body)["id"] for body in answers] == [*ids, 1]
    assert len({body.replace(b"%d" % number, b"", 1) for number, body in zip(ids, answers, strict=False)}) == 1


@given(cuts=st.lists(st.integers(1, 10_000), max_size=6), ids=st.lists(st.integers(10, 99), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_cut_of_a_stream_of_requests_gives_their_answers_in_their_order(gateway, cuts, ids):
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")
    stream = b"".join(request(server.token, message(request_id=number)) for number in ids)
    stream += request(server.token, message(request_id=1), lines=LAST)
    places = sorted({cut % len(stream) for cut in cuts} | {0, len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert await answers_to(gateway.url, *pieces) == [*ids, 1]


async def test_known_request_waits_for_the_call_before_it(stores):
    upstream = HeldUpstream()
    async with serving(upstream) as url, running_gateway(settings_for(stores, richpanel_url=url)) as gateway:
        server = await gateway.server()
        await gateway.rpc(server.token, "ping")
        call = message("tools/call", {"name": GET, "arguments": {"id": "x"}}, request_id=5)
        short = message("ping", {"more": ""}, request_id=6)
        ping = message("ping", {"more": "x" * (len(call) - len(short))}, request_id=6)
        head = request(server.token, call)[: -len(call)]
        assert head == request(server.token, ping)[: -len(ping)]
        upstream.hold()
        last = request(server.token, message(request_id=7), lines=LAST)
        answering = asyncio.create_task(answers_to(gateway.url, head + ping, head + call, head + ping, last))
        async with asyncio.timeout(LIMIT_SECONDS):
            await upstream.reached.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        upstream.may_answer.set()
        assert await answering == [6, 5, 6, 7]


async def test_requests_leave_no_circles_behind(gateway):
    """The collector is to have nothing to do: what it frees late was held for long."""
    server = await gateway.server()
    await gateway.rpc(server.token, "ping")

    async def used():
        async with connection(gateway.url) as wire:
            for accept, body in itertools.product((USUAL, UNUSUAL), (BODIES["list"], BODIES["wrong arguments"])):
                for _ in range(20):
                    await wire.ask(request(server.token, body, accept=accept))

    await used()
    gc.collect()
    gc.disable()
    try:
        await used()
        await asyncio.sleep(0)
        assert gc.collect() < 40  # fewer than one for each of 80 requests: the client's own connection has some
    finally:
        gc.enable()


class BrokenHost(FixtureHost):
    """Lists nothing and calls nothing: both are bugs."""

    def list_tools_json(self):
        raise ZeroDivisionError

    async def call_tool(self, name, arguments, call):  # noqa: ARG002 - the protocol's signature
        raise ZeroDivisionError


class BrokenHosts:
    def host(self, principal):  # noqa: ARG002 - the source's signature
        return BrokenHost()


@pytest.mark.parametrize("accept", [USUAL, UNUSUAL])
@pytest.mark.parametrize("body", [message("tools/list"), message("tools/call", {"name": "test_simple_text"})])
async def test_bug_is_answered_the_same_both_ways_and_its_connection_goes_on(stores, accept, body):
    async with running_gateway(settings_for(stores), hosts=BrokenHosts()) as gateway:
        server = await gateway.server()
        async with connection(gateway.url) as wire:
            assert (await wire.ask(request(server.token, message(), accept=accept))).status == 200
            for _ in range(2):
                answer = await wire.ask(request(server.token, body, accept=accept))
                assert (answer.status, answer.json["id"], answer.json["error"]["code"]) == (200, 1, -32603)
            assert (await wire.ask(request(server.token, message(), accept=accept))).json["result"] == {}
