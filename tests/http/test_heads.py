"""Heads and lengths that no honest client sends: each is refused once, and the connection ends."""

import asyncio
from itertools import pairwise

import pytest

from mcp_gateway.cli import wire
from mcp_gateway.cli.wire import MAX_FIELDS, MAX_HEAD_BYTES
from tests.support.gateways import OPERATOR_KEY
from tests.support.raw_http import LIMIT_SECONDS, connection, exchange, opened

BODY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
SMUGGLED = b"DELETE /tenant/ten_x HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def head(*lines: str, path: str = "/mcp/dead", method: str = "POST", version: str = "HTTP/1.1") -> bytes:
    fields = ("host: localhost", "content-type: application/json", *lines)
    return "\r\n".join([f"{method} {path} {version}", *fields, "", ""]).encode("latin-1")


LENGTH = f"content-length: {len(BODY)}"
SMUGGLING = {
    "two lengths": head(LENGTH, "content-length: 5") + BODY,
    "two equal lengths": head(LENGTH, LENGTH) + BODY,
    "a list of lengths": head(f"content-length: {len(BODY)}, 5") + BODY,
    "a signed length": head(f"content-length: +{len(BODY)}") + BODY,
    "a negative length": head("content-length: -1") + BODY,
    "a hexadecimal length": head("content-length: 0x28") + BODY,
    "a length with a space inside": head("content-length: 4 0") + BODY,
    "a length beyond 64 bits": head("content-length: 99999999999999999999") + BODY,
    "an empty length": head("content-length:") + BODY,
    "length and chunks": head(LENGTH, "transfer-encoding: chunked") + CHUNKED + SMUGGLED,
    "chunks and length": head("transfer-encoding: chunked", "content-length: 4") + CHUNKED + SMUGGLED,
    "an unknown transfer coding": head("transfer-encoding: xchunked") + CHUNKED + SMUGGLED,
    "chunked not last": head("transfer-encoding: chunked, identity") + CHUNKED + SMUGGLED,
    "chunked twice in two fields": head("transfer-encoding: chunked", "transfer-encoding: identity") + CHUNKED,
    "a space before the colon": head("transfer-encoding : chunked", LENGTH) + CHUNKED + SMUGGLED,
    "a folded field": head("transfer-encoding:\r\n chunked", LENGTH) + CHUNKED + SMUGGLED,
    "a field without a colon": head("transfer-encoding chunked", LENGTH) + BODY,
    "a nameless field": head(": chunked", LENGTH) + BODY,
    "a control character in a name": head("x\x01y: 1", LENGTH) + BODY,
    "a bare carriage return in a value": head("x: a\rtransfer-encoding: chunked", LENGTH) + BODY,
    "a NUL in a value": head("x: a\x00b", LENGTH) + BODY,
    "a bad chunk size": head("transfer-encoding: chunked") + b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a signed chunk size": head("transfer-encoding: chunked") + b"+28\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": head("transfer-encoding: chunked") + b"f" * 17 + b"\r\n" + BODY,
    "a chunk longer than it says": head("transfer-encoding: chunked") + b"2\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a line feed alone after the request line": b"POST /mcp/dead HTTP/1.1\nhost: localhost\n\n",
    "a version nobody speaks": head(LENGTH, version="HTTP/9.9") + BODY,
    "a version that is none": head(LENGTH, version="HTTQ/1.1") + BODY,
    "a method that is none": head(LENGTH, method="PO ST") + BODY,
    "a space in the target": head(LENGTH, path="/mcp/a b") + BODY,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS on a plain port": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(80),
}


@pytest.mark.parametrize("request_bytes", SMUGGLING.values(), ids=SMUGGLING)
async def test_doubtful_message_is_refused_and_what_follows_it_is_not_run(gateway, request_bytes):
    answer = await exchange(gateway.url, request_bytes)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("pieces", [1, 7])
async def test_head_over_the_limit_is_431(gateway, pieces):
    request = head("x-filler: " + "a" * MAX_HEAD_BYTES, LENGTH)
    assert await cut_into(gateway.url, request, pieces) == 431


async def test_field_without_an_end_is_431_before_it_ends(gateway):
    reader, writer = await opened(gateway.url)
    writer.write(head("x-filler: a").removesuffix(b"\r\n\r\n"))
    async with asyncio.timeout(LIMIT_SECONDS):
        while not reader.at_eof() and not reader._buffer:  # type: ignore[attr-defined]
            writer.write(b"a" * 4096)
            await asyncio.sleep(0)
        assert (await reader.readline()).split(b" ")[1] == b"431"
    writer.close()


async def test_target_over_the_limit_is_431(gateway):
    assert await cut_into(gateway.url, head(path="/mcp/" + "a" * MAX_HEAD_BYTES), 1) == 431


async def test_too_many_fields_are_431(gateway):
    assert await cut_into(gateway.url, head(*(f"x-{n}: 1" for n in range(MAX_FIELDS))), 1) == 431


async def test_large_head_within_the_limit_and_the_next_one_on_the_connection_are_read(gateway):
    token = (await gateway.server()).token
    request = head("x-filler: " + "a" * (MAX_HEAD_BYTES - 1000), LENGTH, path=f"/mcp/{token}") + BODY
    async with connection(gateway.url) as open_one:
        assert [(await open_one.ask(request)).status for _ in range(3)] == [200, 200, 200]


async def test_body_that_comes_with_the_end_of_its_head_does_not_count_as_head(gateway):
    content = b'{"name":' + b" " * (4 * MAX_HEAD_BYTES) + b'"x"}'
    lines = (f"authorization: Bearer {OPERATOR_KEY}", f"content-length: {len(content)}", "connection: close")
    request = head(*lines, path="/tenant") + content
    assert await cut_into(gateway.url, request, 2, first=20) == 201


async def test_head_that_trickles_is_408_and_silence_is_closed(gateway, monkeypatch):
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.05)
    assert await exchange(gateway.url, b"") == b""
    answer = await exchange(gateway.url, b"POST /mcp/dead HTTP/1.1\r\nhost: loc")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def cut_into(url: str, request: bytes, pieces: int, first: int | None = None) -> int:
    """The status of a request that arrives in so many pieces; the server may have closed before the last."""
    size = first or -(-len(request) // pieces)
    cuts = [0, *range(size, len(request), size if first is None else len(request)), len(request)]
    reader, writer = await opened(url)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            for start, end in pairwise(cuts):
                writer.write(request[start:end])
                await asyncio.sleep(0.001)
            return int((await reader.readline()).split(b" ")[1])
    finally:
        writer.close()


@pytest.mark.parametrize(
    "behind",
    [b"\0garbage\r\n\r\n", head(*["x: y"] * (MAX_FIELDS + 1)), b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD_BYTES],
)
async def test_what_cannot_be_read_behind_a_request_does_not_take_its_answer(gateway, behind):
    server = await gateway.server()
    answer = await exchange(gateway.url, head(LENGTH, path=f"/mcp/{server.token}") + BODY + behind)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"jsonrpc":"2.0","id":1,"result":{}}')
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"\r\nconnection: close\r\n") == 1
