"""Token look-up as one replica does it, over a real Redis and a dictionary that stands for Postgres."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from redis.asyncio import Redis

from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.kit.stream_ids import StreamIds
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.models.servers import ServerConfig
from mcp_gateway.models.token_events import TokenEvent, TokenKind
from mcp_gateway.services.streams import StreamHub, StreamLimits
from mcp_gateway.storage.redis_link import RedisLink, open_redis
from mcp_gateway.storage.stream_relay import StreamRelay
from mcp_gateway.storage.token_codec import dump_server, load_server
from mcp_gateway.storage.token_records import TokenRecords
from mcp_gateway.storage.token_store import TokenStore
from mcp_gateway.telemetry.metrics import Metrics
from tests.support.clocks import ManualClock

LIMIT_SECONDS = 5
"""Bound on every wait; a wait that needs it has failed."""


def principal(*, version: int = 1, expires_at: datetime | None = None, name: str = "s") -> ServerPrincipal:
    return ServerPrincipal(
        server_id="mcp_srv_1",
        tenant_id="ten_1",
        account_id="acc_1",
        integration="richpanel",
        name=name,
        config=ServerConfig(methods=("read",)),
        sealed_api_key=b"\x02k1sealed",
        expires_at=expires_at,
        version=version,
    )


@dataclass
class Truth:
    """Stands for Postgres: what is true, how often it was asked, and a gate to hold a reader after its read."""

    rows: dict[bytes, ServerPrincipal] = field(default_factory=dict)
    reads: int = 0
    held: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, digest: bytes) -> ServerPrincipal | None:
        self.reads += 1
        row = self.rows.get(digest)
        held = self.held
        self.reached.set()
        if held is not None:
            await held.wait()
        return row

    def hold(self) -> asyncio.Event:
        """The next readers have read, but do not come back until the event is set."""
        self.reached.clear()
        self.held = asyncio.Event()
        return self.held

    def change(self, digest: bytes, **fields: object) -> TokenEvent:
        row = replace(self.rows[digest], version=self.rows[digest].version + 1, **fields)  # type: ignore[arg-type]
        self.rows[digest] = row
        return TokenEvent(outbox_id=0, kind=TokenKind.SERVER, digest=digest, version=row.version, dead=False)

    def delete(self, digest: bytes) -> TokenEvent:
        row = self.rows.pop(digest)
        return TokenEvent(outbox_id=0, kind=TokenKind.SERVER, digest=digest, version=row.version, dead=True)


@dataclass
class Replica:
    """One process' view."""

    redis: "Redis"
    link: RedisLink
    records: TokenRecords
    tokens: TokenStore[ServerPrincipal]
    clock: ManualClock
    streams: StreamHub

    async def until(self, *, available: bool) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            await self.link.wait_until(available=available)

    async def announce(self, *events: TokenEvent) -> None:
        await self.records.announce(events)


def _stream_hub(
    redis: "Redis",
    link: RedisLink,
    stream_link: RedisLink,
    server_tokens: TokenStore[ServerPrincipal],
    clock: ManualClock,
    mark_seconds: float,
) -> StreamHub:
    ids = StreamIds(b"s" * 32)
    return StreamHub(
        ids=ids,
        relay=StreamRelay(redis, stream_link, Sealer({"k1": bytes(range(32))}), clock, ids.process),
        server_tokens=server_tokens,
        hears=lambda: link.available,
        clock=clock,
        metrics=Metrics(),
        limits=StreamLimits(streams=10, per_server=5, per_tenant=5, calls_per_server=5),
        mark_seconds=mark_seconds,
    )


@contextlib.asynccontextmanager
async def replica(
    redis_url: str,
    truth: Truth,
    *,
    mac_key: bytes = b"m" * 32,
    connected: bool = True,
    max_cached: int = 1000,
    holds_streams: bool = False,
    mark_seconds: float = 15.0,
) -> AsyncIterator[Replica]:
    redis = open_redis(redis_url)
    clock = ManualClock()
    link, stream_link = RedisLink(redis), RedisLink(redis)
    records = TokenRecords(redis, link, mac_key)
    tokens = TokenStore(
        TokenKind.SERVER,
        load=truth.read,
        dump_record=dump_server,
        load_record=load_server,
        records=records,
        link=link,
        clock=clock,
        max_cached=max_cached,
    )
    streams = _stream_hub(redis, link, stream_link, tokens, clock, mark_seconds)
    one = Replica(redis, link, records, tokens, clock, streams)
    work = [
        link.run(),
        stream_link.run(),
        *([streams.keep_forever(), streams.watch_forever()] if holds_streams else []),
    ]
    tasks = [asyncio.create_task(each) for each in work]
    try:
        if connected:
            await one.until(available=True)
            async with asyncio.timeout(LIMIT_SECONDS):
                await stream_link.wait_until(available=True)
        yield one
    finally:
        await cancel_all(tasks)
        await redis.aclose()
