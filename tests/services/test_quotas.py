"""Limits counted over several processes: the figure holds, Redis is asked seldom, and its absence is survived."""

import asyncio
import contextlib
import random
from uuid import uuid4

import pytest

from mcp_gateway.services.quotas import WINDOW_SECONDS
from tests.support.quotas import LIMIT_SECONDS, quota_process

NOWHERE = "redis://127.0.0.1:9/0"
LIMIT = 60


@pytest.fixture
def key():
    return f"mcp_srv_{uuid4().hex}"


@contextlib.asynccontextmanager
async def processes(redis_url, count, limit=LIMIT, **more):
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(quota_process(redis_url, limit, **more)) for _ in range(count)]


async def settled(one):
    """Once no answer of Redis' is awaited."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while any(bucket.settled is not None for bucket in one.quotas._buckets.values()):
            await asyncio.sleep(0)


async def test_limit_holds_over_three_processes(redis_url, key):
    turns = random.Random(7)  # noqa: S311 - whose turn it is
    async with processes(redis_url, 3) as three:
        admitted = sum([await turns.choice(three).admitted(key, 1) for _ in range(200)])
    assert LIMIT - 6 <= admitted <= LIMIT + 6


async def test_limit_holds_when_all_come_at_once(redis_url, key):
    async with processes(redis_url, 3) as three:
        waits = await asyncio.gather(*(one.quotas.take(key) for one in three for _ in range(100)))
    assert LIMIT - 6 <= waits.count(None) <= LIMIT + 6
    assert all(1 <= wait <= WINDOW_SECONDS for wait in waits if wait is not None)


async def test_one_busy_process_gets_nearly_all_of_it(redis_url, key):
    async with processes(redis_url, 3) as three:
        for idle in three[1:]:
            assert await idle.admitted(key, 1) == 1
        assert LIMIT - 6 <= 2 + await three[0].admitted(key, 200) <= LIMIT + 6


async def test_without_redis_each_process_has_its_share(key):
    async with processes(NOWHERE, 3, connected=False) as three:
        admitted = sum([await one.admitted(key, 100) for one in three])
    assert LIMIT // 2 <= admitted <= 90


async def test_redis_lost_within_a_window_adds_half_of_it_at_most(redis_url, key):
    async with processes(redis_url, 3) as three:
        # Each has heard that they are three.
        assert [await one.admitted(f"{key}-other", 1) for one in three] == [1, 1, 1]
        admitted = await three[0].admitted(key, 200)
        assert LIMIT - 6 <= admitted <= LIMIT + 6
        for one in three:
            one.link._lost(ConnectionError())
        admitted += sum([await one.admitted(key, 200) for one in three])
        assert admitted <= 96


async def test_large_limit_costs_no_wait_and_hardly_a_round_trip(redis_url, key):
    async with quota_process(redis_url, 3_000_000) as one:
        one.leases.hold()
        # The very first ones go ahead of any answer.
        assert await one.admitted(key, 1000) == 1000
        one.leases.may_answer.set()
        await settled(one)
        assert one.quotas.standing(key, "x").remaining == 2_999_000
        assert await one.admitted(key, 20_000) == 20_000
        assert one.leases.round_trips == 1


async def test_next_chunk_is_fetched_before_the_last_one_is_used_up(redis_url, key):
    async with quota_process(redis_url, 1000) as one:
        await one.admitted(key, 1)
        for _ in range(900):
            one.leases.round_trips = 0
            taking = one.quotas.take(key)
            # Never suspended: there is quota at hand whenever it is asked for.
            with pytest.raises(StopIteration):
                taking.send(None)
            await settled(one)
        assert await one.admitted(key, 200) == 99


async def test_refused_ones_ask_redis_nothing(redis_url, key):
    async with quota_process(redis_url, LIMIT) as one:
        assert await one.admitted(key, LIMIT + 10) == LIMIT
        one.leases.round_trips = 0
        assert await one.admitted(key, 500) == 0
        assert one.leases.round_trips == 0


async def test_keys_do_not_share(redis_url, key):
    async with quota_process(redis_url, 5) as one:
        assert await one.admitted(key, 10) == 5
        assert await one.admitted(key + "b", 10) == 5


async def test_next_window_begins_anew(redis_url, key):
    async with quota_process(redis_url, LIMIT) as one:
        assert await one.admitted(key, 100) == LIMIT
        wait = await one.quotas.take(key)
        assert wait is not None
        one.clock.advance(wait + 1)
        await one.redis.delete(f"rpgw:quota:token:{key}")
        assert await one.admitted(key, 100) == LIMIT


async def test_counter_ends_with_its_window(redis_url, key):
    async with quota_process(redis_url, LIMIT) as one:
        await one.admitted(key, 20)
        assert 0 < await one.redis.pttl(f"rpgw:quota:token:{key}") <= WINDOW_SECONDS * 1000


@pytest.mark.parametrize("junk", [b"junk", b"-5", b"99999999999999999999"])
async def test_hostile_counter_neither_breaks_nor_opens_anything(redis_url, key, junk):
    async with quota_process(redis_url, LIMIT) as one:
        await one.redis.set(f"rpgw:quota:token:{key}", junk)
        assert await one.admitted(key, 200) <= LIMIT + 6


async def test_key_of_another_type_costs_a_share_and_no_other_key_anything(redis_url, key):
    async with quota_process(redis_url, LIMIT) as one:
        await one.redis.rpush(f"rpgw:quota:token:{key}", b"x")
        assert 0 < await one.admitted(key, 200) <= LIMIT
        assert one.link.available
        assert await one.admitted(key + "b", 200) == LIMIT


async def test_what_is_given_back_may_be_taken_again(redis_url, key):
    async with quota_process(redis_url, 5) as one:
        assert await one.admitted(key, 10) == 5
        one.quotas.give_back(key)
        assert await one.admitted(key, 10) == 1


async def test_idle_keys_are_forgotten_first(redis_url, key):
    async with quota_process(redis_url, LIMIT, max_buckets=2) as one:
        for name in ("a", "b", "a", "c"):
            await one.admitted(key + name, 1)
        assert [name[-1] for name in one.quotas._buckets] == ["a", "c"]


async def test_caller_that_leaves_while_it_waits_takes_nothing(redis_url, key):
    async with quota_process(redis_url, 5) as one:
        one.leases.hold()
        waiting = [asyncio.create_task(one.quotas.take(key)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        one.leases.may_answer.set()
        assert await one.admitted(key, 10) == 5


async def test_nobody_waits_for_ever_when_the_process_ends(redis_url, key):
    async with contextlib.AsyncExitStack() as stack:
        one = await stack.enter_async_context(quota_process(redis_url, 5))
        one.leases.hold()
        waiting = [asyncio.create_task(one.quotas.take(f"{key}{number}")) for number in range(150)]
        await asyncio.sleep(0)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await asyncio.gather(*waiting) == [None] * 150
