"""What Redis holds of writes that must not be made twice, and the scripts that keep it true.

Two kinds of keys, the braces making both live on one node of a Redis Cluster, as a script needs:

- `rpgw:once:{account}:call:…` is a hash of one write: `owner` the claim that made it, `first` when that was for people,
  `until` when its process can no longer be at it (milliseconds of Redis' clock), `stamp` what its subject's key held
  then, and once it is known `outcome`. It dies with the window.
- `rpgw:once:{account}:subject:…` holds the owner of the last write to one object that may have reached upstream. A
  write is remembered only while no other write to its object came later.

All names are keyed digests, and the outcome comes sealed.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from redis.asyncio import Redis

from mcp_gateway.storage.redis_link import RedisLink

SUBJECT_SECONDS = 2 * 3600
"""Longer than any window and any lease: what it ends must not outlive it."""

# KEYS call[, subject]. ARGV owner, lease ms, lifetime ms, first, forced. What is repeated on purpose leaves what stands
# there alone: it may be refused, and then the first call is still the one that was made.
CLAIM = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local stamp = KEYS[2] and redis.call('GET', KEYS[2]) or ''
local held = redis.call('HMGET', KEYS[1], 'owner', 'until', 'stamp', 'outcome', 'first')
local stands
if held[1] then
  if held[4] then
    if not KEYS[2] or stamp == held[1] then stands = {'known', held[5], held[4]} end
  elseif tonumber(held[2]) > now then
    stands = {'running', held[5]}
  elseif stamp == held[3] then
    stands = {'lost', held[5]}
  end
end
if stands then return ARGV[5] == '1' and {'claimed'} or stands end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + ARGV[2], 'stamp', stamp, 'first', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'claimed'}
"""

# KEYS call[, subject]. ARGV owner, window ms, first, outcome, lifetime ms of the subject. Whoever made the call last is
# the one remembered, whose claim it ever was; call and subject name the same owner.
KEEP = """
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'first', ARGV[3], 'outcome', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5]) end
return 1
"""

DROP = """
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

Standing = Literal["claimed", "running", "known", "lost"]


@dataclass(frozen=True, slots=True)
class CallKeys:
    """Where one write is remembered."""

    call: str
    subject: str | None
    """None for a write that makes something new."""

    def to_list(self) -> list[str]:
        """As the scripts take them."""
        return [self.call] if self.subject is None else [self.call, self.subject]


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a write that is about to be made."""

    standing: Standing
    """`claimed`: nobody made it, and from now on it is the caller's. `lost`: somebody did, and never said more."""
    first: str = ""
    """When the other one was made; empty for `claimed`."""
    outcome: bytes = b""
    """Of `known`, sealed."""


class CallMemory:
    """Claims, keeps and drops; every method raises RedisDownError when Redis is not to be used."""

    def __init__(self, redis: "Redis", link: RedisLink, mac_key: bytes) -> None:
        """`mac_key` is any secret the replicas share."""
        self._redis = redis
        self._link = link
        self._mac_key = hmac.digest(mac_key, b"call-memory", sha256)
        self._claim = redis.register_script(CLAIM)
        self._keep = redis.register_script(KEEP)
        self._drop = redis.register_script(DROP)

    def keys(self, account_id: str, server_id: str, fingerprint: bytes, subject: str | None) -> CallKeys:
        """Of one write; the object is the account's, whichever server changes it."""
        return CallKeys(
            f"{self._prefix(account_id)}call:{self._digest(b'call', server_id, fingerprint)}",
            None if subject is None else self.subject_key(account_id, subject),
        )

    def subject_key(self, account_id: str, subject: str) -> str:
        """Of one object."""
        return f"{self._prefix(account_id)}subject:{self._digest(b'subject', account_id, subject.encode())}"

    async def claim(
        self, keys: CallKeys, owner: str, *, lease_ms: int, window_ms: int, first: str, forced: bool
    ) -> Claim:
        """Take a write for oneself, or hear of the one that was made; `forced`: go ahead beside it in any case."""
        args: list[bytes | str | int] = [owner, lease_ms, max(lease_ms, window_ms), first, int(forced)]
        with self._link.guard():
            answer = await self._claim(keys=keys.to_list(), args=args)
        match answer:
            case [b"known", bytes(first_bytes), bytes(outcome)]:
                return Claim("known", first_bytes.decode(), outcome)
            case [b"running" | b"lost" as standing, bytes(first_bytes)]:
                return Claim("running" if standing == b"running" else "lost", first_bytes.decode())
        return Claim("claimed")

    async def keep(self, keys: CallKeys, owner: str, *, window_ms: int, first: str, outcome: bytes) -> None:
        """Remember what came of it, and that it was the last write to its object."""
        args: list[bytes | str | int] = [owner, window_ms, first, outcome, SUBJECT_SECONDS * 1000]
        with self._link.guard():
            await self._keep(keys=keys.to_list(), args=args)

    async def drop(self, keys: CallKeys, owner: str) -> None:
        """Nothing was written: forget the claim, if it is still this one."""
        with self._link.guard():
            await self._drop(keys=[keys.call], args=[owner])

    async def stamp(self, subject_key: str, owner: str) -> None:
        """Another write to the object: what was remembered of it ends."""
        with self._link.guard():
            await self._redis.set(subject_key, owner, ex=SUBJECT_SECONDS)

    def _prefix(self, account_id: str) -> str:
        return f"rpgw:once:{{{self._digest(b'account', account_id, b'')}}}:"

    def _digest(self, what: bytes, owner: str, value: bytes) -> str:
        return hmac.digest(self._mac_key, b"\n".join((what, owner.encode(), value)), sha256).hex()[:40]
