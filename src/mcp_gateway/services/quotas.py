"""So many a minute for each key, counted over all replicas, without a round trip for each.

A process takes its share in chunks of a tenth of the quota, divided by the number of processes, and asks for the next
chunk in the background before it runs out. Up to half a chunk may be taken ahead of the answer; beyond that the caller
waits for Redis once, together with everyone else. What was taken ahead is charged with the next chunk. So the figure
holds within a tenth: what other replicas hold unused makes it less, what was taken ahead of a "no" makes it more.

Without Redis each process has the quota divided by the number of processes, and half of that in the window in which
Redis was lost, since its whole quota may be used up already.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from math import ceil

import structlog

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.storage.quota_leases import Lease, LeaseRequest, QuotaLeases
from mcp_gateway.storage.redis_link import RedisDownError

WINDOW_SECONDS = 60.0
WINDOW = int(WINDOW_SECONDS)
MAX_BUCKETS = 20_000
"""Keys of one kind a process remembers, about 300 bytes each; the one that was idle longest is forgotten first."""
LEASES_AT_ONCE = 100
"""In one pipeline: few enough for other work to come in between."""
CHUNKS = 10

logger = structlog.get_logger(__name__)


class _Bucket:
    """What this process may still take of one key's quota."""

    __slots__ = (
        *("_chunk", "_spent", "exhausted", "key", "left", "limit"),
        *("low", "settled", "told", "until", "used", "waiting"),
    )

    def __init__(self, key: str, limit: int, replicas: int) -> None:
        self.key = key
        self.limit = limit
        self.left = 0
        """Below zero: taken ahead."""
        self.until = float("-inf")
        """Monotonic seconds at which the window ends."""
        self.exhausted = False
        """Nothing more is to be had in this window."""
        self.used = 0
        """By everyone, as last heard."""
        self.told = False
        self.waiting = 0
        self.settled: asyncio.Event | None = None
        """While more is being asked for."""
        self._spent = 0
        self.share(replicas)

    def share(self, replicas: int) -> None:
        """Be one of so many processes."""
        self._chunk = max(1, self.limit // (CHUNKS * replicas))
        self.low = 0 if self.exhausted else self._chunk // 4

    def begin(self, now: float) -> None:
        """Begin a new window if the old one is over; when it ends, Redis will say."""
        if now >= self.until:
            self.until = now + WINDOW_SECONDS
            self.left = min(self.left, 0)
            self.used = 0
            self.exhausted = self.told = False

    def take(self) -> bool:
        """Take one, if there is one."""
        ahead = min(self._chunk // 2, self.limit - self.used)
        if self.left <= (0 if self.exhausted else -ahead):
            return False
        self.left -= 1
        return True

    def request(self) -> LeaseRequest:
        """What to ask Redis for."""
        self._spent = max(0, -self.left)
        return LeaseRequest(self.key, self.limit, self._spent, self._chunk + self.waiting - max(0, self.left))

    def grant(self, lease: Lease, now: float, replicas: int) -> None:
        """Take Redis' answer to that."""
        self.left += self._spent + lease.granted
        self.until = now + lease.seconds_left
        self.used = lease.used
        self.exhausted = lease.used >= self.limit
        self.share(replicas)

    def stand_alone(self, replicas: int) -> None:
        """Without Redis: one share for the rest of this window."""
        self.left += max(1, self.limit // replicas)
        self.used = self.limit
        self.exhausted = True
        self.low = 0


class LeaseDesk:
    """Gets leases for buckets that run low; `run` is one task for the life of the process."""

    def __init__(self, leases: QuotaLeases, clock: Clock, *, assumed_replicas: int) -> None:
        """`assumed_replicas` share the quotas as long as Redis has not said how many they are."""
        self.clock = clock
        self.replicas = assumed_replicas
        self._leases = leases
        self._wanted: list[_Bucket] = []
        self._stirred = asyncio.Event()
        self._running = False
        self._in_touch = False
        self._lost_at = float("-inf")

    def want(self, bucket: _Bucket) -> None:
        """Ask for more, soon; without a desk that runs the bucket stands alone at once."""
        if bucket.settled is not None:
            return
        if not self._running:
            bucket.stand_alone(self.replicas)
            return
        bucket.settled = asyncio.Event()
        self._wanted.append(bucket)
        self._stirred.set()

    async def run(self) -> None:
        """Serve, for ever."""
        self._running = True
        try:
            while True:
                await self._stirred.wait()
                self._stirred.clear()
                while self._wanted:
                    turn, self._wanted = self._wanted[:LEASES_AT_ONCE], self._wanted[LEASES_AT_ONCE:]
                    await self._settle(turn)
        finally:
            self._running = False
            for bucket in self._wanted:
                self._stand_alone(bucket)

    async def _settle(self, buckets: Sequence[_Bucket]) -> None:
        leases: Sequence[Lease | None] = [None] * len(buckets)
        try:
            leases, self.replicas = await self._leases.take([bucket.request() for bucket in buckets])
            self._in_touch = True
        except RedisDownError:
            if self._in_touch:
                self._in_touch, self._lost_at = False, self.clock.monotonic()
        except Exception:
            # The loop must outlive any bug in one round of it.
            logger.exception("upkeep.failed")
        finally:
            for bucket, lease in zip(buckets, leases, strict=True):
                if lease is None:
                    self._stand_alone(bucket)
                else:
                    bucket.grant(lease, self.clock.monotonic(), self.replicas)
                    _wake(bucket)

    def _stand_alone(self, bucket: _Bucket) -> None:
        lately = self.clock.monotonic() - self._lost_at < WINDOW_SECONDS
        bucket.stand_alone(self.replicas * 2 if lately else self.replicas)
        _wake(bucket)


def _wake(bucket: _Bucket) -> None:
    if bucket.settled is not None:
        bucket.settled.set()
        bucket.settled = None


class Quotas:
    """One limit, for many keys."""

    def __init__(self, desk: LeaseDesk, kind: str, limit: int, *, max_buckets: int = MAX_BUCKETS) -> None:
        """`kind` is a word for keys and logs; `limit` is per key and minute, at least 1."""
        self.limit = limit
        self._desk = desk
        self._clock = desk.clock
        self._kind = kind
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take_at_hand(self, key: str) -> bool:
        """Take one of those this process has plenty of, as nearly always; False says nothing, `take` must be asked."""
        bucket = self._buckets.get(key)
        if bucket is None or bucket.left <= bucket.low or self._clock.monotonic() >= bucket.until:
            return False
        bucket.left -= 1
        self._buckets.move_to_end(key)
        return True

    async def take(self, key: str) -> int | None:
        """Take one; None, or the seconds until the next is to be had."""
        if self.take_at_hand(key):
            return None
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._open(key)
        else:
            self._buckets.move_to_end(key)
        return await self._take_slowly(bucket)

    def give_back(self, key: str) -> None:
        """What was taken was not needed."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.left += 1

    def standing(self, key: str, policy: str) -> Quota:
        """Where a key stands, as far as this process knows, under the name of a policy."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return Quota(policy, self.limit, self.limit, None, WINDOW)
        remaining = max(0, self.limit - bucket.used + bucket.left)
        reset = max(1, ceil(bucket.until - self._clock.monotonic()))
        return Quota(policy, self.limit, min(remaining, self.limit), reset, WINDOW)

    async def _take_slowly(self, bucket: _Bucket) -> int | None:
        while True:
            now = self._clock.monotonic()
            bucket.begin(now)
            taken = bucket.take()
            if bucket.left <= bucket.low and not bucket.exhausted:
                self._desk.want(bucket)
            if taken:
                return None
            if bucket.settled is not None:
                await self._wait(bucket, bucket.settled)
            elif bucket.exhausted and bucket.left <= 0:
                self._tell(bucket)
                return max(1, ceil(bucket.until - now))

    async def _wait(self, bucket: _Bucket, settled: asyncio.Event) -> None:
        bucket.waiting += 1
        try:
            await settled.wait()
        finally:
            bucket.waiting -= 1

    def _tell(self, bucket: _Bucket) -> None:
        """Log it once per window."""
        if not bucket.told:
            bucket.told = True
            logger.warning("limit.reached", limit=self._kind, key=bucket.key.partition(":")[2], per_minute=self.limit)

    def _open(self, key: str) -> _Bucket:
        bucket = self._buckets[key] = _Bucket(f"{self._kind}:{key}", self.limit, self._desk.replicas)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)
        return bucket
