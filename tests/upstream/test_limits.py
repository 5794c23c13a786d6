"""The deadline, the size cap and cancelling: nothing upstream does can hold or fill the gateway."""

import asyncio
import gzip

import pytest

from mcp_gateway.exceptions import UpstreamBrokenError, UpstreamTimeoutError, UpstreamTooLargeError
from tests.support.peers import PATIENCE_SECONDS, Exchange, Peer, always, answer, then_hold
from tests.upstream.conftest import KEY, MAX_BYTES, MakeClient, request

SHORT = 0.3
DRIP_SECONDS = 0.02
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.requirement("timeouts.maximum")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-", HEAD, HEAD + b"{"], ids=range(4))
async def test_silent_peer_is_cut_by_the_deadline(make_client: MakeClient, method: str, said: bytes):
    async with Peer(then_hold(said)) as peer:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await make_client(peer.url, timeout_seconds=SHORT).send(request(method), KEY)
        assert caught.value.sent
        await peer.all_closed()
        assert len(peer.exchanges) == 1


@pytest.mark.requirement("timeouts.maximum")
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nx-slow: ", HEAD, CHUNKED], ids=["head", "body", "chunks"])
async def test_dripping_peer_is_cut_by_the_deadline(make_client: MakeClient, start: bytes):
    """Each byte would restart a read timeout; only a total deadline ends this."""
    drop = b"1\r\nx\r\n" if start == CHUNKED else b"x"

    async def drip(exchange: Exchange) -> bool:
        await exchange.write(start)
        while not await exchange.gone(within=DRIP_SECONDS):
            await exchange.write(drop)
        return False

    async with Peer(drip) as peer:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await make_client(peer.url, timeout_seconds=SHORT).send(request("PUT"), KEY)
        assert caught.value.sent
        await peer.all_closed()
        assert len(peer.exchanges) == 1


async def test_interim_answers_do_not_extend_the_deadline(make_client: MakeClient):
    async def stall(exchange: Exchange) -> bool:
        while not await exchange.gone(within=DRIP_SECONDS):
            await exchange.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        return False

    async with Peer(stall) as peer:
        with pytest.raises(UpstreamTimeoutError):
            await make_client(peer.url, timeout_seconds=SHORT).send(request(), KEY)


async def test_total_deadline_covers_connecting(make_client: MakeClient):
    async with Peer(then_hold(b"")) as peer:
        client = make_client(peer.url.replace("http:", "https:"), timeout_seconds=SHORT)
        with pytest.raises(UpstreamTimeoutError):
            await client.send(request(), KEY)


async def test_announced_length_over_the_cap_is_refused_before_any_body(make_client: MakeClient):
    async with Peer(then_hold(f"HTTP/1.1 200 OK\r\ncontent-length: {MAX_BYTES + 1}\r\n\r\n".encode())) as peer:
        with pytest.raises(UpstreamTooLargeError) as caught:
            await make_client(peer.url).send(request("POST"), KEY)
        assert caught.value.sent
        await peer.all_closed()
        assert len(peer.exchanges) == 1


@pytest.mark.requirement("tools.outputs")
@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"], ids=["chunked", "until-close"])
async def test_unannounced_length_over_the_cap_is_cut_while_it_streams(make_client: MakeClient, head: bytes):
    piece = b"400\r\n" + b"x" * 1024 + b"\r\n" if head == CHUNKED else b"x" * 1024

    async def flood(exchange: Exchange) -> bool:
        await exchange.write(head)
        while not exchange.writer.is_closing():
            await exchange.write(piece)
        return False

    async with Peer(flood) as peer:
        with pytest.raises(UpstreamTooLargeError) as caught:
            await make_client(peer.url).send(request(), KEY)
        assert caught.value.sent
        await peer.all_closed()  # an endless peer ends only because the client hung up
        assert len(peer.exchanges) == 1


async def test_answer_exactly_at_the_cap_passes(make_client: MakeClient):
    async with Peer(always(answer(b"x" * MAX_BYTES))) as peer:
        assert len((await make_client(peer.url).send(request(), KEY)).body) == MAX_BYTES


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "GZIP", "identity, gzip", "unheard-of"])
async def test_compressed_answer_is_refused_and_not_inflated(make_client: MakeClient, coding: str):
    bomb = gzip.compress(b"0" * 1_000_000)
    async with Peer(always(answer(bomb, f"content-encoding: {coding}"))) as peer:
        with pytest.raises(UpstreamBrokenError) as caught:
            await make_client(peer.url).send(request(), KEY)
        assert caught.value.sent
        assert len(peer.exchanges) == 1


async def test_second_coding_header_does_not_slip_by(make_client: MakeClient):
    headers = ("content-encoding: identity", "content-encoding: gzip")
    async with Peer(always(answer(gzip.compress(b"{}"), *headers))) as peer:
        with pytest.raises(UpstreamBrokenError):
            await make_client(peer.url).send(request(), KEY)


async def test_identity_coding_passes(make_client: MakeClient):
    async with Peer(always(answer(b"{}", "content-encoding: Identity"))) as peer:
        assert (await make_client(peer.url).send(request(), KEY)).body == b"{}"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize("said", [b"", HEAD + b"{"], ids=["before-head", "within-body"])
async def test_cancelling_closes_the_connection_at_once(make_client: MakeClient, method: str, said: bytes):
    asked = asyncio.Event()
    left = asyncio.Event()

    async def watch(exchange: Exchange) -> bool:
        await exchange.write(said)
        asked.set()
        if await exchange.gone():
            left.set()
        return False

    async with Peer(watch) as peer:
        # The deadline is far beyond the patience of this test, so only the cancelling can close the connection.
        client = make_client(peer.url, timeout_seconds=100 * PATIENCE_SECONDS)
        call = asyncio.create_task(client.send(request(method), KEY))
        await asyncio.wait_for(asked.wait(), PATIENCE_SECONDS)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(left.wait(), PATIENCE_SECONDS)
        assert len(peer.exchanges) == 1


async def test_cancelling_one_call_leaves_the_others_alone(make_client: MakeClient):
    all_there = asyncio.Barrier(3)
    go = asyncio.Event()

    async def wait(exchange: Exchange) -> bool:
        await all_there.wait()
        await go.wait()
        await exchange.write(answer(exchange.target))
        return True

    async with Peer(wait) as peer:
        client = make_client(peer.url)
        dropped, kept = (asyncio.create_task(client.send(request(target=target), KEY)) for target in ("/a", "/b"))
        await asyncio.wait_for(all_there.wait(), PATIENCE_SECONDS)
        dropped.cancel()
        go.set()
        assert (await kept).body == b"/b"
        assert dropped.cancelled()


async def test_request_for_which_no_time_is_left_is_not_sent(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url, timeout_seconds=5.0)
        with pytest.raises(UpstreamTimeoutError) as caught:
            await client.send(request("PUT"), KEY, spent_seconds=5.0)
        assert not caught.value.sent
        assert peer.exchanges == []
        assert (await client.send(request("PUT"), KEY, spent_seconds=1.0)).status == 200
