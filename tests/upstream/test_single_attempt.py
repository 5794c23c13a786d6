"""Exactly one request per call, whatever breaks, and `sent` tells whether it may have been carried out."""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from mcp_gateway.exceptions import UpstreamBrokenError, UpstreamUnreachableError
from mcp_gateway.models.upstream import UpstreamResponse
from mcp_gateway.upstream.port import UpstreamClient
from tests.support.peers import PATIENCE_SECONDS, Exchange, Peer, always, answer, then_hold
from tests.upstream.certificates import server_context
from tests.upstream.conftest import KEY, MakeClient, request

METHODS = ["GET", "PUT", "POST"]


async def close_silently(exchange: Exchange) -> None:
    """FIN after the request was read."""


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def close_within_head(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\ncontent-le")


async def close_after_interim(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def close_within_body(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{")


async def reset_within_body(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{")
    await exchange.gone(within=0.05)  # lets the head be read; the outcome asserted is the same if it was not
    exchange.reset()


BREAKS = [close_silently, reset, close_within_head, close_after_interim, close_within_body, reset_within_body]
Break = Callable[[Exchange], Awaitable[None]]


@pytest.mark.parametrize("reused", [False, True], ids=["fresh", "reused"])
@pytest.mark.parametrize("breaking", BREAKS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("method", METHODS)
async def test_connection_lost_after_the_request_was_read_is_one_request(
    make_client: MakeClient, method: str, breaking: Break, reused: bool
):
    async def script(exchange: Exchange) -> bool:
        if exchange.target == b"/warm-up":
            await exchange.write(answer())
            return True
        await breaking(exchange)
        return False

    async with Peer(script) as peer:
        client = make_client(peer.url)
        if reused:
            await client.send(request(target="/warm-up"), KEY)
        with pytest.raises(UpstreamBrokenError) as caught:
            await client.send(request(method, "/once"), KEY)
        assert caught.value.sent
        await peer.all_closed()
        assert peer.targets.count(b"/once") == 1
        assert peer.connections == 1
        assert peer.exchanges[-1].on_connection == (2 if reused else 1)


@pytest.mark.parametrize("method", METHODS)
async def test_request_meeting_a_connection_closed_while_idle_is_seen_at_most_once(
    make_client: MakeClient, method: str
):
    """The peer closes after every answer without saying so; which side notices first is a race, the bound is not."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(answer())
        return False

    outcomes: dict[bytes, UpstreamResponse | BaseException] = {}
    async with Peer(script) as peer:
        client = make_client(peer.url)
        for number in range(30):
            call = client.send(request(method, f"/{number}"), KEY)
            [outcomes[f"/{number}".encode()]] = await asyncio.gather(call, return_exceptions=True)
        seen = Counter(peer.targets)
    answered = {target for target, outcome in outcomes.items() if isinstance(outcome, UpstreamResponse)}
    failures = [outcome for outcome in outcomes.values() if not isinstance(outcome, UpstreamResponse)]
    assert max(seen.values()) == 1
    assert answered
    assert answered <= seen.keys()
    assert all(isinstance(failure, UpstreamBrokenError) and failure.sent for failure in failures)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", ["408 Request Timeout", "425 Too Early", "429 Too Many Requests", "503 Unavailable"])
async def test_status_that_invites_a_retry_is_returned_after_one_request(
    make_client: MakeClient, method: str, status: str
):
    async with Peer(always(answer(b"{}", "retry-after: 0", status=status))) as peer:
        response = await make_client(peer.url).send(request(method), KEY)
        assert response.status == int(status[:3])
        assert len(peer.exchanges) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_refused_connection_is_unreachable_and_not_sent(make_client: MakeClient, method: str):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UpstreamUnreachableError) as caught:
        await make_client(f"http://127.0.0.1:{port}").send(request(method), KEY)
    assert not caught.value.sent


async def test_unknown_host_is_unreachable_and_not_sent(make_client: MakeClient):
    # A label over 63 characters is refused by any resolver without asking the network.
    with pytest.raises(UpstreamUnreachableError) as caught:
        await make_client(f"http://{'a' * 64}.example").send(request("POST"), KEY)
    assert not caught.value.sent


async def test_handshake_that_never_ends_is_cut_by_the_connect_timeout_and_not_sent(make_client: MakeClient):
    async with Peer(then_hold(b"")) as peer:
        client = make_client(peer.url.replace("http:", "https:"), connect_timeout_seconds=0.1)
        with pytest.raises(UpstreamUnreachableError) as caught:
            await client.send(request("POST"), KEY)
        assert not caught.value.sent
        await peer.all_closed()
        assert peer.exchanges == []


async def test_untrusted_certificate_is_unreachable_and_not_sent(make_client: MakeClient, tmp_path: Path):
    context, _ = server_context(tmp_path)
    async with Peer(always(answer()), tls=context) as peer:
        with pytest.raises(UpstreamUnreachableError) as caught:
            await make_client(f"https://localhost:{peer.port}").send(request("POST"), KEY)
        assert not caught.value.sent
        assert peer.exchanges == []


async def test_tls_peer_offering_http2_is_spoken_to_in_http1(make_client: MakeClient, tmp_path: Path):
    """Over HTTP/2 the library would send again after GOAWAY or REFUSED_STREAM."""
    context, certificate = server_context(tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with Peer(always(answer()), tls=context) as peer:
        client = make_client(f"https://localhost:{peer.port}", ca_certificates=certificate)
        assert (await client.send(request(), KEY)).status == 200
        tls = peer.exchanges[0].writer.get_extra_info("ssl_object")
        assert isinstance(tls, ssl.SSLObject)
        assert tls.selected_alpn_protocol() != "h2"


async def test_call_after_close_is_unreachable_and_not_sent(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url)
        await client.send(request(), KEY)
        await client.aclose()
        with pytest.raises(UpstreamUnreachableError) as caught:
            await client.send(request("POST"), KEY)
        assert not caught.value.sent
        await peer.all_closed()
        assert len(peer.exchanges) == 1


async def test_call_under_way_outlives_close(make_client: MakeClient):
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(exchange: Exchange) -> bool:
        asked.set()
        await go.wait()
        await exchange.write(answer(b"late"))
        return True

    async with Peer(wait) as peer:
        client = make_client(peer.url)
        port: UpstreamClient = client
        call = asyncio.create_task(port.send(request("POST"), KEY))
        await asyncio.wait_for(asked.wait(), PATIENCE_SECONDS)
        await client.aclose()
        go.set()
        assert (await call).body == b"late"


async def test_many_calls_at_once_each_get_their_own_answer_over_a_reused_pool(make_client: MakeClient):
    calls = 100
    arrived = asyncio.Barrier(calls)

    async def echo(exchange: Exchange) -> bool:
        await asyncio.wait_for(
            arrived.wait(), PATIENCE_SECONDS
        )  # no answer before all are there: they truly run side by side
        await exchange.write(answer(exchange.target))
        return True

    async with Peer(echo) as peer:
        client = make_client(peer.url)
        for turn in range(2):
            targets = [f"/{turn}/{number}" for number in range(calls)]
            responses = await asyncio.gather(*(client.send(request(target=target), KEY) for target in targets))
            assert [response.body.decode() for response in responses] == targets
        assert max(Counter(peer.targets).values()) == 1
        # With the library's default of two idle connections the second turn would open about a hundred more.
        assert peer.connections <= calls + calls // 4


class Surprise:
    """A peer in a thread: answers a connection's first request and, while our event loop stands still, does more."""

    def __init__(self, more: bytes | None) -> None:
        """`more` is what it says without being asked; None closes the connection."""
        self._more = more
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._go, self._done = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()

    def happen(self) -> None:
        """Blocks, so that the event loop has no chance to hear of it."""
        self._go.set()
        assert self._done.wait(PATIENCE_SECONDS)

    def _serve(self) -> None:
        first, _ = self._listener.accept()
        self.requests.append(first.recv(65_536))
        first.sendall(answer(b'{"number": 1}'))
        assert self._go.wait(PATIENCE_SECONDS)
        if self._more is None:
            first.close()
        else:
            first.sendall(self._more)
        self._done.set()
        second, _ = self._listener.accept()
        self.requests.append(second.recv(65_536))
        second.sendall(answer(b'{"number": 2}'))
        second.close()
        first.close()


@pytest.mark.parametrize("more", [answer(b'{"of": "somebody else"}'), answer(status="408 Request Timeout"), None])
@pytest.mark.parametrize("method", METHODS)
async def test_what_came_on_an_idle_connection_and_was_not_read_yet_spoils_it(
    make_client: MakeClient, method: str, more: bytes | None
):
    with Surprise(more) as peer:
        client = make_client(peer.url)
        await client.send(request(target="/first"), KEY)
        peer.happen()
        response = await client.send(request(method, "/second"), KEY)
    assert (response.status, response.body) == (200, b'{"number": 2}')
    assert [raw.split(b" ")[1] for raw in peer.requests] == [b"/first", b"/second"]


async def test_the_last_look_is_taken_once_the_connection_stands_and_nothing_leaves_when_it_says_no(
    make_client: MakeClient,
):
    looks: list[int] = []

    async def may_not() -> None:
        looks.append(peer.connections)
        raise LookupError

    async with Peer(always(answer())) as peer:
        client = make_client(peer.url)
        with pytest.raises(LookupError):
            await client.send(request("PUT", "/forbidden"), KEY, last_look=may_not)
        await client.send(request("PUT", "/allowed"), KEY, last_look=may_not)  # over the connection that stands
    assert peer.targets == [b"/allowed"]
    assert (len(looks), peer.connections) == (1, 1)
