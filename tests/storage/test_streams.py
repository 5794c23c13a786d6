"""The streams one process holds, with a real Redis: what it says of them, and the races of opening and closing."""

import asyncio
from dataclasses import replace

import pytest

from mcp_gateway.constants import MCP_TOKEN_PREFIX
from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit import tokens
from mcp_gateway.models.token_events import TokenKind
from mcp_gateway.services.stream import CloseReason
from mcp_gateway.services.streams import DeadTokenError, StreamGoneError, TooManyStreamsError
from tests.support.replicas import LIMIT_SECONDS, Truth, principal, replica

SERVER = principal().server_id


class FallibleTruth(Truth):
    """Postgres that may be away."""

    away = False
    broken: bytes | None = None

    async def read(self, digest):
        if self.away:
            raise StoreUnavailableError("away")
        if digest == self.broken:
            raise RuntimeError("a bug in reading this one")
        return await super().read(digest)


@pytest.fixture
def minted():
    return tokens.mint(MCP_TOKEN_PREFIX)


@pytest.fixture
def truth(minted):
    return FallibleTruth({minted.digest: principal()})


@pytest.fixture
async def one(redis_url, truth):
    async with replica(redis_url, truth, holds_streams=True, mark_seconds=0.01) as running:
        yield running


async def marked(one, stream):
    return bool(await one.redis.exists(f"rpgw:stream-alive:{stream.id}"))


async def until(condition):
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


def is_empty(hub):
    return not (hub._streams or hub._by_token or hub._places or hub._placed)


async def test_open_stream_is_marked_before_its_client_hears_of_it_and_unmarked_when_it_ends(one, minted):
    stream = await one.streams.open(minted.token, principal())
    assert await marked(one, stream)
    assert 0 < await one.redis.ttl(f"rpgw:stream-alive:{stream.id}") <= 45
    one.streams.release(stream)

    async def unmarked():
        return not await marked(one, stream)

    await until(unmarked)
    assert is_empty(one.streams)


async def test_mark_is_written_again_and_again(one, minted):
    stream = await one.streams.open(minted.token, principal())
    for _ in range(2):
        await one.redis.delete(f"rpgw:stream-alive:{stream.id}")
        await until(lambda: marked(one, stream))
    one.streams.release(stream)


async def test_token_revoked_between_its_look_up_and_the_opening_opens_nothing(one, truth, minted):
    found = await one.tokens.find(minted.digest)
    await one.announce(truth.delete(minted.digest))
    one.tokens.invalidate(minted.digest)
    with pytest.raises(DeadTokenError):
        await one.streams.open(minted.token, found)
    assert is_empty(one.streams)


async def test_token_revoked_while_the_stream_is_being_opened_opens_nothing(one, truth, minted):
    release = truth.hold()
    one.tokens.flush()
    opening = asyncio.create_task(one.streams.open(minted.token, principal()))
    async with asyncio.timeout(LIMIT_SECONDS):
        await truth.reached.wait()
    event = truth.delete(minted.digest)
    truth.held = None
    await one.announce(event)

    async def closed():
        return not one.streams._streams

    await until(closed)
    release.set()
    with pytest.raises(DeadTokenError):
        await opening
    assert is_empty(one.streams)


async def test_opening_that_is_cancelled_leaves_nothing(one, truth, minted):
    truth.hold()
    one.tokens.flush()
    opening = asyncio.create_task(one.streams.open(minted.token, principal()))
    async with asyncio.timeout(LIMIT_SECONDS):
        await truth.reached.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert is_empty(one.streams)


async def test_stream_stays_open_while_no_store_can_tell_and_ends_when_one_says_no(one, truth, minted):
    stream = await one.streams.open(minted.token, principal())
    await one.redis.delete(f"rpgw:{TokenKind.SERVER.value}:{{{minted.digest.hex()}}}")
    truth.away = True
    one.tokens.invalidate(minted.digest)

    async def undecided():
        return minted.digest in one.streams._doubtful

    await until(undecided)
    assert stream.closed is None
    truth.rows.clear()
    truth.away = False

    async def closed():
        return stream.closed is CloseReason.REVOKED

    await until(closed)
    one.streams.release(stream)


async def test_look_up_that_fails_costs_no_other_stream_its_end_and_is_made_again(redis_url):
    broken, other = tokens.mint(MCP_TOKEN_PREFIX), tokens.mint(MCP_TOKEN_PREFIX)
    truth = FallibleTruth({broken.digest: principal(), other.digest: principal()})
    async with replica(redis_url, truth, holds_streams=True) as one:
        streams = [await one.streams.open(each.token, principal()) for each in (broken, other)]
        truth.broken = broken.digest
        for each in (broken, other):
            # What Redis says of it is gone too, so that the truth is asked.
            truth.delete(each.digest)
            await one.redis.delete(f"rpgw:{TokenKind.SERVER.value}:{{{each.digest.hex()}}}")
        one.tokens.flush()

        async def closed(stream):
            return stream.closed is CloseReason.REVOKED

        await until(lambda: closed(streams[1]))
        assert streams[0].closed is None
        truth.broken = None
        await until(lambda: closed(streams[0]))
        for stream in streams:
            one.streams.release(stream)


async def test_stream_that_is_ended_twice_is_ended_once(one, minted):
    stream = await one.streams.open(minted.token, principal())
    one.streams.close(stream, CloseReason.EXPIRED)
    one.streams.close(stream, CloseReason.REVOKED)
    one.streams.drain()
    assert stream.closed is CloseReason.EXPIRED
    with pytest.raises(StreamGoneError):
        await one.streams.begin(stream.id, SERVER)
    assert one.streams._placed == 1
    one.streams.release(stream)
    assert is_empty(one.streams)


async def test_answer_for_an_ended_stream_is_dropped(one, minted):
    stream = await one.streams.open(minted.token, principal())
    one.streams.close(stream, CloseReason.CLIENT_GONE)
    await one.streams.tell(stream, b"{}")
    assert await stream.take(5) is None
    one.streams.release(stream)


async def test_stopping_takes_back_what_redis_says(redis_url, truth, minted):
    async with replica(redis_url, truth) as one:
        streams = [await one.streams.open(minted.token, principal()) for _ in range(3)]
        await one.streams.aclose()
        assert not any([await marked(one, stream) for stream in streams])
        assert {stream.closed for stream in streams} == {CloseReason.STOPPING}
        with pytest.raises(TooManyStreamsError):
            await one.streams.open(minted.token, principal())


async def test_streams_that_let_too_much_wait_in_all_lose_the_fullest_of_them(redis_url, truth, minted):
    async with replica(redis_url, truth) as one:
        full, other, late = [await one.streams.open(minted.token, principal()) for _ in range(3)]
        mib = b"x" * 1024 * 1024
        one.streams._limits = replace(one.streams._limits, unread_bytes=4 * len(mib))
        for _ in range(2):
            await one.streams.tell(full, mib)
        await one.streams.tell(other, mib)
        await one.streams.tell(late, mib)
        assert (full.closed, other.closed, late.closed) == (CloseReason.SLOW_READER, None, None)
        for stream in (other, late):
            while stream.waiting_bytes:
                assert await stream.take(5)
        assert one.streams._unread.total == 0
        for stream in (full, other, late):
            one.streams.release(stream)
