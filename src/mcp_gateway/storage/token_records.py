"""What Redis holds of a token, and the scripts that keep a dead one dead.

Key `rpgw:{kind}:{digest}` is a hash: `run` the Redis server's run id at the time of writing, `v` the version, `p` the
sealed record, `d` set for a tombstone. Four rules, each kept inside one script and so atomically:

1. A record is true only in the Redis run that wrote it. After a restart with old data, or a failover, the run id
   differs and the record is ignored. Tombstones and versions stay valid, since both only ever say "no".
2. A version is never lowered.
3. A back-fill needs the lease it took when it missed, before it read Postgres. A change of the token removes the
   lease, and so does time; a back-fill that was held up in between is refused.
4. A tombstone outlives any record and any lease.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex

from redis.asyncio import Redis

from mcp_gateway.constants import FILL_LEASE_SECONDS, TOMBSTONE_SECONDS
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.storage.redis_link import RedisLink

CHANNEL = "rpgw:token-changed"
MAC_BYTES = 32
ANNOUNCE_BATCH = 100

RUN_ID = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')\n"

READ = (
    RUN_ID
    + """
local held = redis.call('HMGET', KEYS[1], 'd', 'run', 'p')
if held[1] then return {'dead'} end
if held[2] == run and held[3] then return {'hit', held[3]} end
redis.call('SET', KEYS[2], ARGV[1] .. run, 'PX', ARGV[2])
return {'miss'}
"""
)

FILL = (
    RUN_ID
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[1] .. run then return 0 end
redis.call('DEL', KEYS[2])
local held = redis.call('HMGET', KEYS[1], 'd', 'v')
if held[1] then return 0 end
if held[2] and tonumber(held[2]) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'run', run, 'v', ARGV[2], 'p', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
)

# What takes away comes first: a Redis that is out of memory lets a script delete, and then also finish its writes.
ANNOUNCE = """
redis.call('DEL', KEYS[2])
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local held = redis.call('HMGET', KEYS[1], 'd', 'v')
local newer = held[1] or (tonumber(held[2] or '0') or 0) > tonumber(ARGV[1])
if ARGV[2] == '1' or not newer then redis.call('HDEL', KEYS[1], 'p') end
redis.call('PUBLISH', ARGV[4], ARGV[5])
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'd', '1')
elseif not newer then
  redis.call('HSET', KEYS[1], 'v', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer of a look-up: a record, a certain no, or a miss with the lease to fill it."""

    payload: bytes | None = None
    dead: bool = False
    lease: str | None = None


class TokenRecords:
    """Reads, fills and revokes records; every method raises RedisDownError when Redis is not to be used."""

    def __init__(self, redis: "Redis", link: RedisLink, mac_key: bytes) -> None:
        """`mac_key` proves that a record was written by this gateway."""
        self._redis = redis
        self._link = link
        self._mac_key = hmac.digest(mac_key, b"token-record", sha256)
        self._read = redis.register_script(READ)
        self._fill = redis.register_script(FILL)
        self._announce = redis.register_script(ANNOUNCE)

    async def read(self, kind: TokenKind, digest: bytes) -> Reading:
        """Look a token up; a miss takes a lease at the same time."""
        lease = token_hex(16)
        with self._link.guard():
            answer = await self._read(keys=_keys(kind, digest), args=[lease, FILL_LEASE_SECONDS * 1000])
        match answer:
            case [b"hit", bytes(sealed)]:
                return Reading(payload=self._open(kind, digest, sealed))
            case [b"dead"]:
                return Reading(dead=True)
            case _:
                return Reading(lease=lease)

    async def fill(
        self, kind: TokenKind, digest: bytes, *, lease: str, version: int, payload: bytes, seconds: float
    ) -> bool:
        """Write a record read from Postgres after the lease was taken; False when it came too late."""
        sealed = self._mac(kind, digest, payload) + payload
        args: list[bytes | str | int] = [lease, version, sealed, max(1, int(seconds * 1000))]
        with self._link.guard():
            return bool(await self._fill(keys=_keys(kind, digest), args=args))

    async def announce(self, events: Sequence[TokenEvent]) -> None:
        """Tell Redis and, through it, every replica, also while Redis is not trusted. Doing it twice does no harm."""
        for start in range(0, len(events), ANNOUNCE_BATCH):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for event in events[start : start + ANNOUNCE_BATCH]:
                    await self._announce(keys=_keys(event.kind, event.digest), args=_arguments(event), client=pipeline)
                with self._link.guard(trusted=False, may_refuse=False):
                    await pipeline.execute()

    def _mac(self, kind: TokenKind, digest: bytes, payload: bytes) -> bytes:
        return hmac.digest(self._mac_key, kind.encode() + digest + payload, sha256)

    def _open(self, kind: TokenKind, digest: bytes, sealed: bytes) -> bytes | None:
        mac, payload = sealed[:MAC_BYTES], sealed[MAC_BYTES:]
        return payload if hmac.compare_digest(mac, self._mac(kind, digest, payload)) else None


def _keys(kind: TokenKind, digest: bytes) -> list[str]:
    # The braces make both keys live on one node of a Redis Cluster, as a script needs.
    key = f"rpgw:{kind.value}:{{{digest.hex()}}}"
    return [key, f"{key}:lease"]


def _arguments(event: TokenEvent) -> list[bytes | str | int]:
    dead = "1" if event.dead else "0"
    return [event.version, dead, TOMBSTONE_SECONDS * 1000, CHANNEL, message_of(event.kind, event.digest)]


def message_of(kind: TokenKind, digest: bytes) -> bytes:
    """What is published when a token changed."""
    return f"{kind.value}:{digest.hex()}".encode()
