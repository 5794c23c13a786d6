"""What happens to tokens when Redis goes away, hangs, or comes back with old data."""

import asyncio
import os
import signal
import time
from secrets import token_bytes

import pytest
import redis

from mcp_gateway.dev.stores import EmbeddedValkey
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.storage.redis_link import COMMAND_SECONDS, RedisDownError
from mcp_gateway.storage.token_records import CHANNEL
from tests.support.replicas import LIMIT_SECONDS, Truth, principal, replica


@pytest.fixture
def digest() -> bytes:
    return token_bytes(32)


@pytest.fixture
def truth(digest) -> Truth:
    return Truth({digest: principal()})


@pytest.fixture
def valkey(tmp_path):
    with EmbeddedValkey(tmp_path, persistence="rdb") as server:
        yield server


async def test_look_ups_go_on_from_postgres_when_redis_is_killed(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await one.tokens.find(digest)
        await asyncio.to_thread(valkey.kill)
        one.clock.advance(60)
        assert await one.tokens.find(digest) == principal()
        await one.until(available=False)
        assert truth.reads == 2


async def test_look_ups_go_on_from_postgres_when_redis_hangs(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            assert await one.tokens.find(digest) == principal()
            assert not one.link.available
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


async def test_process_starts_and_serves_without_redis(valkey, truth, digest):
    await asyncio.to_thread(valkey.kill)
    async with replica(valkey.url, truth, connected=False) as one:
        assert await one.tokens.find(digest) == principal()
        await asyncio.to_thread(valkey.start)
        await one.until(available=True)


async def test_copies_in_the_process_are_dropped_when_redis_is_lost(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await one.tokens.find(digest)
        await asyncio.to_thread(valkey.kill)
        await one.until(available=False)
        truth.delete(digest)
        assert await one.tokens.find(digest) is None


async def test_write_is_decided_by_postgres_and_not_by_a_copy_while_redis_is_away(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await asyncio.to_thread(valkey.kill)
        await one.until(available=False)
        assert await one.tokens.find(digest) == principal()
        truth.delete(digest)
        assert await one.tokens.find(digest) == principal()
        assert await one.tokens.find_for_write(digest) is None


async def test_write_costs_no_look_up_while_announcements_arrive(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        for _ in range(3):
            assert await one.tokens.find_for_write(digest) == principal()
        assert truth.reads == 1


async def test_old_data_is_not_trusted_after_a_restart(valkey, truth, digest):
    async with replica(valkey.url, truth) as one, replica(valkey.url, truth) as two:
        await one.tokens.find(digest)
        await asyncio.to_thread(valkey.save)
        await asyncio.to_thread(valkey.kill)
        # Deleted while Redis is down: nobody could tell it, and its snapshot still holds the record.
        truth.delete(digest)
        await asyncio.to_thread(valkey.start)
        assert await asyncio.to_thread(holds_record, valkey, digest)
        for each in (one, two):
            await each.until(available=True)
            assert await each.tokens.find(digest) is None


async def test_back_fill_held_up_over_a_restart_is_refused(valkey, truth, digest):
    async with replica(valkey.url, truth) as slow, replica(valkey.url, truth) as other:
        release = truth.hold()
        look_up = asyncio.create_task(slow.tokens.find(digest))
        await truth.reached.wait()
        truth.held = None
        await asyncio.to_thread(valkey.save)
        await asyncio.to_thread(valkey.kill)
        await slow.until(available=False)
        truth.delete(digest)
        await asyncio.to_thread(valkey.start)
        await slow.until(available=True)
        release.set()
        await look_up
        assert not await asyncio.to_thread(holds_record, valkey, digest)
        await other.until(available=True)
        assert await other.tokens.find(digest) is None
        assert await slow.tokens.find(digest) is None


def holds_record(valkey: EmbeddedValkey, digest: bytes) -> bool:
    with redis.Redis.from_url(valkey.url) as client:
        return bool(client.hexists(f"rpgw:server:{{{digest.hex()}}}", "p"))


async def test_key_of_another_type_costs_a_read_of_postgres_and_not_the_link(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await one.redis.set(f"rpgw:server:{{{digest.hex()}}}", "garbage")
        assert await one.tokens.find(digest) == principal()
        assert one.link.available
        await one.announce(truth.delete(digest))
        assert (await one.records.read(TokenKind.SERVER, digest)).dead


async def test_deletion_takes_effect_even_when_redis_is_out_of_memory(valkey, truth, digest):
    async with replica(valkey.url, truth) as one, replica(valkey.url, truth) as two:
        await two.tokens.find(digest)
        await one.redis.config_set("maxmemory", "1")
        with pytest.raises(RedisDownError):
            await one.records.read(TokenKind.SERVER, token_bytes(32))
        assert one.link.available
        await one.announce(truth.delete(digest))
        assert not await asyncio.to_thread(holds_record, valkey, digest)
        async with asyncio.timeout(LIMIT_SECONDS):
            while await two.tokens.find(digest) is not None:
                await asyncio.sleep(0.01)


async def test_redis_that_hung_is_not_read_before_what_it_missed_has_been_announced(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await one.tokens.find(digest)
        missed: list[TokenEvent] = []
        told = asyncio.Event()

        async def catch_up() -> bool:
            if not told.is_set():
                return False
            await one.announce(*missed)
            return True

        one.link.catch_up_with(catch_up)
        os.kill(valkey.pid, signal.SIGSTOP)
        one.tokens.flush()
        await one.tokens.find(digest)
        assert not one.link.available
        missed.append(truth.delete(digest))
        os.kill(valkey.pid, signal.SIGCONT)
        assert await asyncio.to_thread(holds_record, valkey, digest)
        for _ in range(50):
            one.tokens.flush()
            assert await one.tokens.find(digest) is None
            await asyncio.sleep(0.01)
        assert not one.link.available
        told.set()
        await one.until(available=True)
        assert await one.tokens.find(digest) is None


async def test_message_that_cannot_be_read_costs_the_copies_and_not_the_subscription(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        await one.tokens.find(digest)
        await one.redis.publish(CHANNEL, "server:zz")
        event = truth.delete(digest)
        await one.announce(event)
        async with asyncio.timeout(LIMIT_SECONDS):
            while await one.tokens.find(digest) is not None:
                await asyncio.sleep(0.01)
        assert await one.redis.pubsub_numsub(CHANNEL) == [(CHANNEL.encode(), 1)]
        assert one.link.available


async def test_process_that_was_too_busy_to_read_an_answer_does_not_take_redis_for_lost(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        finding = asyncio.create_task(one.tokens.find(digest))
        async with asyncio.timeout(LIMIT_SECONDS):
            while not one.redis.connection_pool._in_use_connections:
                await asyncio.sleep(0)
        time.sleep(4 * COMMAND_SECONDS)  # noqa: ASYNC251 - that is the point
        assert await finding == principal()
        assert one.link.available


async def test_loop_that_is_late_now_and_then_does_not_hide_a_redis_that_hangs(valkey, truth, digest):
    async with replica(valkey.url, truth) as one:
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            finding = asyncio.create_task(one.tokens.find(digest))
            await asyncio.sleep(0)
            time.sleep(COMMAND_SECONDS / 4)  # noqa: ASYNC251 - that is the point
            assert await finding == principal()
            assert not one.link.available
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
