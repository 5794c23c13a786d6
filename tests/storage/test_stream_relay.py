"""Answers on their way from one process to another through a real Redis: their pace, and who waits for whom."""

import asyncio
import contextlib
from secrets import token_hex

import pytest

from mcp_gateway.constants import MAX_STREAMED_ANSWER_BYTES
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.storage.redis_link import RedisLink, open_redis
from mcp_gateway.storage.stream_pieces import PIECE_BYTES
from mcp_gateway.storage.stream_relay import ENDING, PAUSE_SECONDS, PIECES_AT_ONCE, Liveness, StreamRelay
from tests.support.clocks import ManualClock

LIMIT_SECONDS = 20
MIB = 1024 * 1024


class End:
    """One process' relay, and what it was told."""

    def __init__(self, redis_url, streams=()):
        self.redis = open_redis(redis_url)
        self.link = RedisLink(self.redis)
        self.process = token_hex(8)
        self.pauses: list[float] = []
        self.answers: list[tuple[str, bytes]] = []
        sealer = Sealer({"k1": bytes(range(32))})
        self.relay = StreamRelay(self.redis, self.link, sealer, ManualClock(), self.process, pause=self.pause)
        self.relay.listen(
            holds=set(streams).__contains__, on_answer=lambda *told: self.answers.append(told), on_flush=lambda: None
        )

    async def pause(self, seconds):
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def until_answers(self, count):
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(self.answers) < count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*ends):
    tasks = [asyncio.create_task(end.link.run()) for end in ends]
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            for end in ends:
                await end.link.wait_until(available=True)
        yield
    finally:
        await cancel_all(tasks)
        for end in ends:
            await end.redis.aclose()


async def test_large_answers_go_one_after_the_other_at_a_pace(redis_url):
    sender, holder = End(redis_url), End(redis_url, ["a", "b", "c"])
    async with running(sender, holder):
        answers = {name: name.encode() * (3 * MIB) for name in "abc"}
        sent = await asyncio.gather(*(sender.relay.send(name, holder.process, one) for name, one in answers.items()))
        assert sent == [True] * 3
        await holder.until_answers(3)
    assert holder.answers == list(answers.items())
    # A pause after each MiB but the last.
    assert PIECES_AT_ONCE * PIECE_BYTES == MIB
    assert sender.pauses == [PAUSE_SECONDS] * 6


async def test_small_answer_does_not_wait_behind_a_large_one(redis_url):
    sender, holder = End(redis_url), End(redis_url, ["large", "small"])
    paused, may_go_on = asyncio.Event(), asyncio.Event()

    async def pause(_seconds):
        paused.set()
        await may_go_on.wait()

    sender.relay._pause = pause
    async with running(sender, holder):
        large = asyncio.create_task(sender.relay.send("large", holder.process, b"x" * (2 * MIB)))
        async with asyncio.timeout(LIMIT_SECONDS):
            await paused.wait()
        assert await sender.relay.send("small", holder.process, b"{}")
        await holder.until_answers(1)
        assert holder.answers == [("small", b"{}")]
        assert await holder.relay.awaited(["small"]) == {"large"}
        may_go_on.set()
        assert await large
        await holder.until_answers(2)


async def test_three_of_the_largest_answers_at_once_keep_the_subscription(redis_url):
    sender, holder = End(redis_url), End(redis_url, ["a", "b", "c"])
    flushes = []
    holder.link.listen("rpgw:test", on_message=lambda _: None, on_flush=lambda: flushes.append(1))
    async with running(sender, holder):
        flushes.clear()
        largest = b"x" * (MAX_STREAMED_ANSWER_BYTES // 4)
        sender.relay._pause = asyncio.sleep
        assert await asyncio.gather(*(sender.relay.send(name, holder.process, largest) for name in "abc")) == [True] * 3
        await holder.until_answers(3)
        assert holder.link.available
    assert not flushes
    assert {len(answer) for _, answer in holder.answers} == {len(largest)}


@pytest.mark.parametrize(("state", "found"), [(None, Liveness.GONE), (ENDING, Liveness.ENDING)])
async def test_call_for_a_stream_that_takes_none_is_not_counted(redis_url, state, found):
    one, holder = End(redis_url), End(redis_url)
    stream = token_hex(8)
    async with running(one, holder):
        if state:
            await holder.relay.mark([stream], ending=True)
        assert await one.relay.begin_call(stream, holder.process) is found
        assert await holder.relay.awaited([stream]) == set()


async def test_calls_are_counted_while_they_last(redis_url):
    one, holder = End(redis_url), End(redis_url)
    stream = token_hex(8)
    async with running(one, holder):
        await holder.relay.mark([stream])
        for _ in range(2):
            assert await one.relay.begin_call(stream, holder.process) is Liveness.OPEN
        await one.relay.end_call(stream)
        assert await holder.relay.awaited([stream]) == {stream}
        await one.relay.end_call(stream)
        assert await holder.relay.awaited([stream]) == set()
        assert 0 < await one.redis.ttl(f"rpgw:stream-calls:{stream}") <= 60
        # An end too many, after the count has ended by itself, does no harm.
        await one.relay.end_call(stream)
        assert await holder.relay.awaited([stream]) == set()
