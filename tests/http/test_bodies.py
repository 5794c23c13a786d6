"""Bodies are read under a cap and a deadline."""

import asyncio

import pytest

from mcp_gateway.exceptions import MalformedRequestError, PayloadTooLargeError
from mcp_gateway.http.bodies import ClientGoneError, read_body, replay


class Sender:
    """Hands out these messages, then stays silent."""

    def __init__(self, *messages):
        self.left = list(messages)

    async def __call__(self):
        if not self.left:
            await asyncio.Event().wait()
        return self.left.pop(0)


def chunk(body: bytes, more: bool = True):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_chunks_are_joined():
    assert await read_body(Sender(chunk(b"a"), chunk(b""), chunk(b"b", more=False)), 2) == b"ab"


async def test_reading_stops_at_the_chunk_that_is_too_much():
    sender = Sender(chunk(b"ab"), chunk(b"c"), chunk(b"d"))
    with pytest.raises(PayloadTooLargeError):
        await read_body(sender, 2)
    assert len(sender.left) == 1


async def test_body_that_trickles_is_given_up():
    with pytest.raises(MalformedRequestError, match=r"within 0\.01 seconds"):
        await read_body(Sender(chunk(b"a")), 10, seconds=0.01)


async def test_client_that_goes_away_ends_the_reading():
    with pytest.raises(ClientGoneError):
        await read_body(Sender(chunk(b"a"), {"type": "http.disconnect"}), 10)


async def test_read_body_is_handed_out_once_and_then_what_follows():
    receive = replay(b"ab", Sender({"type": "http.disconnect"}))
    assert await receive() == chunk(b"ab", more=False)
    assert (await receive())["type"] == "http.disconnect"
