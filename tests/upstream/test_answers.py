"""What comes back: complete answers as they are, an allow-list of headers, and one error for all that is not HTTP."""

import asyncio
import traceback

import pytest

from mcp_gateway.exceptions import FaultError, UpstreamBrokenError, UpstreamError
from tests.support.peers import Peer, always, answer, once_then_close
from tests.upstream.conftest import KEY, MakeClient, request

BROKEN = {
    "short content-length": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}",
    "cut between chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "cut within a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{}",
    "chunk size that is none": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "text": b"hello world\r\n\r\n",
    "bytes": bytes(range(256)),
    "page without a head": b"<html></html>",
    "tls alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "head cut": b"HTTP/1.1 200 OK\r\ncontent-le",
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}1",
    "400-digit length": b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 400 + b"\r\n\r\n{}",
    "status that is none": b"HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\n{}",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"content-length: 2\r\n\r\n{}",
    "huge header": b"HTTP/1.1 200 OK\r\na: " + b"b" * 600_000 + b"\r\ncontent-length: 2\r\n\r\n{}",
    "switched protocols": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
async def test_answer_that_is_not_complete_http_is_broken_after_one_request(make_client: MakeClient, raw: bytes):
    async with Peer(once_then_close(raw)) as peer:
        with pytest.raises(UpstreamBrokenError) as caught:
            await make_client(peer.url).send(request("POST"), KEY)
        assert caught.value.sent
        assert len(peer.exchanges) == 1


async def test_bytes_after_an_answer_never_become_the_next_answer(make_client: MakeClient):
    """Whether the next call meets the dropped connection or a new one is a race; the stray answer is never read."""
    async with Peer(always(answer(b"{}") + answer(b"STRAY"))) as peer:
        client = make_client(peer.url)
        outcomes = await asyncio.gather(*(client.send(request(), KEY) for _ in range(5)), return_exceptions=True)
        for _ in range(5):
            outcomes += await asyncio.gather(client.send(request(), KEY), return_exceptions=True)
        bodies = {outcome.body for outcome in outcomes if not isinstance(outcome, BaseException)}
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert bodies == {b"{}"}
        assert all(isinstance(failure, UpstreamBrokenError) for failure in failures)


@pytest.mark.parametrize("status", [200, 204, 301, 302, 303, 307, 308, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_status_is_returned_and_no_redirect_followed(make_client: MakeClient, method: str, status: int):
    body = b"" if status == 204 else b'{"a":1}'
    async with Peer(always(b"")) as trap:
        raw = answer(body, f"location: {trap.url}/elsewhere", status=f"{status} Said")
        async with Peer(always(raw)) as peer:
            response = await make_client(peer.url).send(request(method), KEY)
            assert (response.status, response.body) == (status, body)
            assert (len(peer.exchanges), trap.connections) == (1, 0)
        assert "location" not in response.headers


async def test_only_allow_listed_headers_come_out_lower_case_and_joined(make_client: MakeClient):
    raw = answer(
        b"{}",
        "Content-Type: application/json",
        "Date: Mon, 23 Nov 2026 09:00:00 GMT",
        "Retry-After: 7",
        "X-RateLimit-Limit: 50",
        "X-RateLimit-Remaining: 3",
        "X-Rate-Limit: 700",
        "X-Rate-Limit-Reset: 9",
        "Zendesk-RateLimit-Tickets-Index: total=100",
        "X-Shopify-Shop-Api-Call-Limit: 32/40",
        "X-Gorgias-Account-Api-Call-Limit: 10/40",
        "X-RateLimit: 63015",
        "X-Shopify-Shop: a",
        "Zendesk-Request-Id: a",
        'RateLimit: "a";r=1',
        'RateLimit: "b";r=2',
        'RateLimit-Policy: "a";q=5',
        "RateLimit-Limit: 50",
        "RateLimit-Remaining: 4",
        "RateLimit-Reset: 8",
        "RateLimitless: no",
        "Set-Cookie: a=b",
        "Server: nginx",
        "X-Richpanel-Key: echo",
        "Www-Authenticate: Basic",
        "Link: </next>",
    )
    async with Peer(always(raw)) as peer:
        assert (await make_client(peer.url).send(request(), KEY)).headers == {
            "content-type": "application/json",
            "date": "Mon, 23 Nov 2026 09:00:00 GMT",
            "retry-after": "7",
            "x-ratelimit-limit": "50",
            "x-ratelimit-remaining": "3",
            "x-rate-limit": "700",
            "x-rate-limit-reset": "9",
            "zendesk-ratelimit-tickets-index": "total=100",
            "x-shopify-shop-api-call-limit": "32/40",
            "x-gorgias-account-api-call-limit": "10/40",
            "ratelimit": '"a";r=1, "b";r=2',
            "ratelimit-policy": '"a";q=5',
            "ratelimit-limit": "50",
            "ratelimit-remaining": "4",
            "ratelimit-reset": "8",
        }


async def test_header_bytes_that_are_no_text_do_not_break_the_answer(make_client: MakeClient):
    async with Peer(always(answer(b"{}", "x-ratelimit-limit: \xe9\xff", "content-type: \xfe"))) as peer:
        assert (await make_client(peer.url).send(request(), KEY)).body == b"{}"


def _chunks_beside(length: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return head + b"2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize("length", ["1", "0", "999999"])
async def test_length_beside_chunks_does_not_count(make_client: MakeClient, length: str):
    """RFC 9112 §6.3: the chunks decide."""
    async with Peer(once_then_close(_chunks_beside(length))) as peer:
        assert (await make_client(peer.url).send(request(), KEY)).body == b"{}"


@pytest.mark.parametrize("length", ["abc", "-1", "9" * 5000])
async def test_length_beside_chunks_that_is_no_number_is_not_http(make_client: MakeClient, length: str):
    """RFC 9112 §6.3: both together ought to be handled as an error; nonsense among them is."""
    async with Peer(once_then_close(_chunks_beside(length))) as peer:
        with pytest.raises(UpstreamBrokenError):
            await make_client(peer.url).send(request(), KEY)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 204 No Content\r\ncontent-length: abc\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0, 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 00\r\n\r\n",
    ],
    ids=range(5),
)
async def test_odd_length_of_an_empty_body_gives_an_answer_or_an_upstream_error(make_client: MakeClient, raw: bytes):
    async with Peer(once_then_close(raw)) as peer:
        [outcome] = await asyncio.gather(make_client(peer.url).send(request(), KEY), return_exceptions=True)
    assert isinstance(outcome, UpstreamBrokenError) or getattr(outcome, "body", None) == b""


async def test_chunked_and_close_delimited_answers_arrive_whole(make_client: MakeClient):
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for raw in (chunked, b"HTTP/1.1 200 OK\r\n\r\nabcde", b"HTTP/1.0 200 OK\r\n\r\nabcde"):
        async with Peer(once_then_close(raw)) as peer:
            assert (await make_client(peer.url).send(request(), KEY)).body == b"abcde"


async def test_seconds_are_told(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        assert (await make_client(peer.url).send(request(), KEY)).seconds > 0


@pytest.mark.parametrize("key", ["", "a\nb-secret", "a b-secret", "é-secret", "\x7f-secret", "secret\r\nx-evil: 1"])
async def test_key_no_header_can_carry_is_refused_without_repeating_it(make_client: MakeClient, key: str):
    async with Peer(always(answer())) as peer:
        with pytest.raises(FaultError) as caught:
            await make_client(peer.url).send(request(), key)
        assert "secret" not in _all_told(caught.value)
        assert peer.connections == 0


async def test_key_appears_in_no_error_and_no_repr(make_client: MakeClient):
    told: list[str] = []
    for raw in (b"", b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n", answer(b"x" * 5000), b"\x00"):
        async with Peer(once_then_close(raw)) as peer:
            client = make_client(peer.url)
            with pytest.raises(UpstreamError) as caught:
                await client.send(request("POST"), KEY)
            told += [_all_told(caught.value), repr(client)]
    async with Peer(always(b"")) as gone:
        pass
    with pytest.raises(UpstreamError) as refused:
        await make_client(gone.url).send(request("POST"), KEY)
    told.append(_all_told(refused.value))
    assert KEY not in "".join(told)


async def test_public_message_names_neither_target_nor_host(make_client: MakeClient):
    async with Peer(once_then_close(b"")) as peer:
        with pytest.raises(UpstreamError) as caught:
            await make_client(peer.url).send(request(target="/customers/jane%40x.example"), KEY)
    assert "jane" not in caught.value.message
    assert "127.0.0.1" not in caught.value.message


def _all_told(exc: BaseException) -> str:
    chain = [exc]
    while nested := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(nested)
    return "".join(traceback.format_exception(exc)) + "".join(f"{link!r} {link} {link.args}" for link in chain)
