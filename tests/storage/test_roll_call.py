"""Who has heard of an announcement: asked of every process, answered by those that can."""

import asyncio
import contextlib

import pytest

from mcp_gateway.dev.stores import EmbeddedValkey
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.revocation import ReplicaCount
from mcp_gateway.storage.redis_link import RedisDownError, RedisLink, open_redis
from mcp_gateway.storage.roll_call import ANSWERS, FORGET_SECONDS, KEY, QUESTIONS, RollCall
from tests.support.redis_relays import relay_to_redis

LIMIT_SECONDS = 5
PATIENT = 5.0
"""Longer than any answer takes; a question nobody answers is asked with less."""


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@contextlib.asynccontextmanager
async def process(url: str):
    """One process' part in it, known from its start on."""
    redis = open_redis(url)
    link = RedisLink(redis)
    roll_call = RollCall(redis, link)

    async def register() -> bool:
        await roll_call.register()
        return True

    link.catch_up_with(register)
    tasks = [asyncio.create_task(link.run())]
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await link.wait_until(available=True)
        yield roll_call, redis
    finally:
        await roll_call.aclose()
        await cancel_all(tasks)
        await redis.aclose()


async def test_every_process_confirms(valkey):
    async with process(valkey.url) as (one, _), process(valkey.url), process(valkey.url) as (three, _):
        assert await one.confirmations(PATIENT) == ReplicaCount(known=3, confirmed=3)
        assert await three.confirmations(PATIENT) == ReplicaCount(known=3, confirmed=3)


async def test_questions_at_once_each_get_their_answers(valkey):
    async with process(valkey.url) as (one, _), process(valkey.url) as (two, _):
        counts = await asyncio.gather(*(each.confirmations(PATIENT) for each in (one, two) * 20))
        assert set(counts) == {ReplicaCount(known=2, confirmed=2)}


async def test_process_that_ended_in_order_is_not_waited_for(valkey):
    async with process(valkey.url) as (one, _):
        async with process(valkey.url):
            pass
        assert await one.confirmations(PATIENT) == ReplicaCount(known=1, confirmed=1)


async def test_process_that_died_is_known_and_unconfirmed_until_it_is_forgotten(valkey):
    async with process(valkey.url) as (one, redis):
        now, _ = await redis.time()
        await redis.zadd(KEY, {"0123456789abcdef": now})
        assert await one.confirmations(0.05) == ReplicaCount(known=2, confirmed=1)
        await redis.zadd(KEY, {"0123456789abcdef": now - FORGET_SECONDS - 1})
        assert await one.confirmations(PATIENT) == ReplicaCount(known=1, confirmed=1)


async def test_process_whose_subscription_is_deaf_does_not_confirm(valkey):
    async with relay_to_redis(valkey.url) as relay, process(valkey.url) as (one, _), process(relay.url):
        assert await one.confirmations(PATIENT) == ReplicaCount(known=2, confirmed=2)
        relay.is_deaf = True
        assert await one.confirmations(0.2) == ReplicaCount(known=2, confirmed=1)


@pytest.mark.parametrize("noise", [b"", b"x", b"0123456789abcdef", b"0123456789abcdef:\xff", b"a" * 100_000])
async def test_what_a_stranger_publishes_is_ignored(valkey, noise):
    async with process(valkey.url) as (one, redis), process(valkey.url):
        for channel in [QUESTIONS, *await redis.pubsub_channels(ANSWERS + "*")]:
            await redis.publish(channel, noise)
        assert await one.confirmations(PATIENT) == ReplicaCount(known=2, confirmed=2)


async def test_without_redis_nobody_can_be_asked(tmp_path):
    with EmbeddedValkey(tmp_path) as server:
        async with process(server.url) as (one, _):
            await asyncio.to_thread(server.kill)
            with pytest.raises(RedisDownError):
                await one.confirmations()
