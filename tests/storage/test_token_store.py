import asyncio
import base64
from datetime import timedelta
from secrets import token_bytes

import pytest

from mcp_gateway.constants import PROCESS_CACHE_SECONDS
from mcp_gateway.models.token_events import TokenKind
from tests.support.replicas import LIMIT_SECONDS, Truth, principal, replica


@pytest.fixture
def digest() -> bytes:
    return token_bytes(32)


@pytest.fixture
def truth(digest) -> Truth:
    return Truth({digest: principal()})


async def eventually(condition) -> None:
    """Poll something another task or process does."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await condition():
            await asyncio.sleep(0.01)


def key_of(digest: bytes) -> str:
    return f"rpgw:server:{{{digest.hex()}}}"


async def test_second_look_up_asks_no_store(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        assert await one.tokens.find(digest) == principal()
        await one.redis.delete(key_of(digest))
        assert await one.tokens.find(digest) == principal()
    assert truth.reads == 1


async def test_another_replica_finds_the_record_in_redis(redis_url, truth, digest):
    async with replica(redis_url, truth) as one, replica(redis_url, truth) as two:
        await one.tokens.find(digest)
        assert await two.tokens.find(digest) == principal()
    assert truth.reads == 1


async def test_the_copy_in_the_process_is_read_anew_after_five_seconds(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        await one.tokens.find(digest)
        await one.redis.delete(key_of(digest))
        one.clock.advance(PROCESS_CACHE_SECONDS)
        await one.tokens.find(digest)
    assert truth.reads == 2


async def test_unknown_token_is_not_written_to_redis(redis_url, truth):
    async with replica(redis_url, truth) as one:
        unknown = token_bytes(32)
        assert await one.tokens.find(unknown) is None
        assert not await one.redis.exists(key_of(unknown))


async def test_record_lives_at_most_sixty_seconds_and_never_past_expiry(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        await one.tokens.find(digest)
        assert 0 < await one.redis.pttl(key_of(digest)) <= 60_000
        soon = token_bytes(32)
        truth.rows[soon] = principal(expires_at=one.clock.now() + timedelta(seconds=7))
        await one.tokens.find(soon)
        assert 0 < await one.redis.pttl(key_of(soon)) <= 7_000


async def test_token_is_refused_from_the_second_of_its_expiry_on_even_when_cached(redis_url, truth):
    async with replica(redis_url, truth) as one:
        soon = token_bytes(32)
        truth.rows[soon] = principal(expires_at=one.clock.now() + timedelta(seconds=3))
        one.clock.advance(2.9)
        assert await one.tokens.find(soon) is not None
        one.clock.advance(0.1)
        assert await one.tokens.find(soon) is None


async def test_richpanel_key_in_redis_is_the_sealed_one(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        await one.tokens.find(digest)
        held = await one.redis.hget(key_of(digest), "p")
    assert isinstance(held, bytes)
    assert base64.b64encode(truth.rows[digest].sealed_api_key) in held


async def test_deletion_reaches_another_replica_by_announcement(redis_url, truth, digest):
    async with replica(redis_url, truth) as one, replica(redis_url, truth) as two:
        await two.tokens.find(digest)
        await one.announce(truth.delete(digest))

        async def gone() -> bool:
            return await two.tokens.find(digest) is None

        await eventually(gone)


async def test_change_reaches_another_replica_by_announcement(redis_url, truth, digest):
    async with replica(redis_url, truth) as one, replica(redis_url, truth) as two:
        await two.tokens.find(digest)
        await one.announce(truth.change(digest, name="renamed"))

        async def changed() -> bool:
            found = await two.tokens.find(digest)
            return found is not None and found.name == "renamed"

        await eventually(changed)


async def test_dead_token_stays_dead_when_a_back_fill_was_held_up_before_the_deletion(redis_url, truth, digest):
    async with replica(redis_url, truth) as slow, replica(redis_url, truth) as other:
        release = truth.hold()
        look_up = asyncio.create_task(slow.tokens.find(digest))
        await truth.reached.wait()
        truth.held = None
        event = truth.delete(digest)
        await other.announce(event)
        release.set()
        await look_up
        assert not await other.redis.hexists(key_of(digest), "p")
        assert await other.tokens.find(digest) is None
        slow.tokens.invalidate(digest)
        assert await slow.tokens.find(digest) is None


async def test_back_fill_held_up_past_its_lease_is_refused(redis_url, truth, digest):
    async with replica(redis_url, truth) as slow:
        release = truth.hold()
        look_up = asyncio.create_task(slow.tokens.find(digest))
        await truth.reached.wait()
        # What five seconds do, without waiting for them.
        assert await slow.redis.delete(key_of(digest) + ":lease") == 1
        release.set()
        await look_up
        assert not await slow.redis.exists(key_of(digest))


async def test_back_fill_of_an_older_version_is_refused(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        await one.announce(truth.change(digest, name="new"))
        lease = (await one.records.read(TokenKind.SERVER, digest)).lease
        assert lease is not None
        filled = await one.records.fill(TokenKind.SERVER, digest, lease=lease, version=1, payload=b"{}", seconds=60)
        assert not filled
        assert not await one.redis.hexists(key_of(digest), "p")


async def test_tombstone_outlives_any_record_and_cannot_be_overwritten(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        event = truth.delete(digest)
        await one.announce(event)
        assert await one.redis.pttl(key_of(digest)) > 65_000
        assert (await one.records.read(TokenKind.SERVER, digest)).dead
        await one.announce(event)
        assert (await one.records.read(TokenKind.SERVER, digest)).dead


async def test_late_announcement_of_an_older_version_does_not_lower_the_newer(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        older = truth.change(digest, name="second")
        newer = truth.change(digest, name="third")
        await one.announce(newer)
        await one.announce(older)
        assert await one.redis.hget(key_of(digest), "v") == b"3"


async def test_record_that_this_gateway_did_not_write_is_ignored(redis_url, truth, digest):
    async with replica(redis_url, truth) as one, replica(redis_url, truth, mac_key=b"x" * 32) as stranger:
        await stranger.tokens.find(digest)
        assert await one.tokens.find(digest) == principal()
    assert truth.reads == 2


async def test_record_of_another_form_is_a_miss(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        lease = (await one.records.read(TokenKind.SERVER, digest)).lease
        assert lease is not None
        assert await one.records.fill(
            TokenKind.SERVER, digest, lease=lease, version=1, payload=b'{"form":0}', seconds=60
        )
        assert await one.tokens.find(digest) == principal()
    assert truth.reads == 1


async def test_callers_of_the_same_token_share_one_look_up(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        found = await asyncio.gather(*(one.tokens.find(digest) for _ in range(50)))
    assert found == [principal()] * 50
    assert truth.reads == 1


async def test_caller_that_goes_away_does_not_take_the_answer_from_the_others(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        release = truth.hold()
        leaving = asyncio.create_task(one.tokens.find(digest))
        staying = asyncio.create_task(one.tokens.find(digest))
        await truth.reached.wait()
        leaving.cancel()
        release.set()
        assert await staying == principal()


async def test_nobody_joins_a_look_up_that_began_before_a_deletion(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        release = truth.hold()
        early = asyncio.create_task(one.tokens.find(digest))
        await truth.reached.wait()
        truth.held = None
        event = truth.delete(digest)
        one.tokens.invalidate(digest)
        await one.announce(event)
        assert await one.tokens.find(digest) is None
        release.set()
        await early
        assert await one.tokens.find(digest) is None


async def test_cache_of_the_process_is_bounded(redis_url, truth):
    async with replica(redis_url, truth, max_cached=10) as one:
        for _ in range(40):
            await one.tokens.find(token_bytes(32))
        assert len(one.tokens._cached) == 10


async def test_announcement_takes_the_lease_of_a_back_fill_away(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        await one.records.read(TokenKind.SERVER, digest)
        await one.announce(truth.change(digest, name="new"))
        assert not await one.redis.exists(key_of(digest) + ":lease")


async def test_even_a_valid_lease_does_not_fill_over_a_tombstone(redis_url, truth, digest):
    async with replica(redis_url, truth) as one:
        lease = (await one.records.read(TokenKind.SERVER, digest)).lease
        assert lease is not None
        held = await one.redis.get(key_of(digest) + ":lease")
        assert held is not None
        await one.announce(truth.delete(digest))
        await one.redis.set(key_of(digest) + ":lease", held)
        assert not await one.records.fill(TokenKind.SERVER, digest, lease=lease, version=9, payload=b"{}", seconds=60)


async def test_burst_of_look_ups_does_not_count_as_redis_being_lost(redis_url, truth):
    many = [token_bytes(32) for _ in range(300)]
    truth.rows |= dict.fromkeys(many, principal())
    async with replica(redis_url, truth) as one:
        found = await asyncio.gather(*(one.tokens.find(each) for each in many))
        assert found == [principal()] * 300
        assert one.link.available
