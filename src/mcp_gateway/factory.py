"""Wires everything: what one process opens once, and the services built on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeVar
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from mcp_gateway.catalog import gate
from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Catalog, Integration
from mcp_gateway.config import Settings, parse_encryption_keys, split_operator_keys
from mcp_gateway.exceptions import ConfigurationError, StoreUnavailableError
from mcp_gateway.kit.clock import Clock, SystemClock
from mcp_gateway.kit.cursor import CursorSigner
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.kit.sealing import Sealer
from mcp_gateway.kit.stream_ids import StreamIds
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.audit import AuditReport, ChainEnd
from mcp_gateway.models.idempotency import Answer
from mcp_gateway.models.keys import RotationReport
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.services.account_keys import AccountKeys
from mcp_gateway.services.accounts import AccountService
from mcp_gateway.services.api_tokens import ApiTokenService
from mcp_gateway.services.auditing import AuditService
from mcp_gateway.services.authentication import AuthenticationService
from mcp_gateway.services.call_entries import CallEntries
from mcp_gateway.services.call_limits import CallLimits, LimitFigures
from mcp_gateway.services.call_log import ToolCallLog
from mcp_gateway.services.direct_calls import DirectCallService
from mcp_gateway.services.duplicates import DuplicateGuard
from mcp_gateway.services.idempotency import KeyedOnce, Once
from mcp_gateway.services.last_seen import LastSeen
from mcp_gateway.services.paging import ListCursors
from mcp_gateway.services.quotas import WINDOW_SECONDS
from mcp_gateway.services.revocation import Revoker
from mcp_gateway.services.server_host import HostSource, ServerHosts
from mcp_gateway.services.servers import ServerService
from mcp_gateway.services.streams import StreamHub, StreamLimits
from mcp_gateway.services.tenants import TenantService
from mcp_gateway.services.tool_calls import Guards, ToolCallService
from mcp_gateway.services.tool_sets import ToolSets
from mcp_gateway.services.upkeep import Upkeep
from mcp_gateway.services.write_permit import WritePermit
from mcp_gateway.storage import migrations
from mcp_gateway.storage.audit import LABEL as AUDIT_LABEL
from mcp_gateway.storage.audit import begin_chains
from mcp_gateway.storage.audit_check import check_log
from mcp_gateway.storage.call_memory import CallMemory
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.key_use import KeyRotation, check_keys
from mcp_gateway.storage.quota_leases import QuotaLeases
from mcp_gateway.storage.redis_link import RedisLink, open_redis
from mcp_gateway.storage.stream_relay import StreamRelay
from mcp_gateway.storage.token_stores import TokenStores
from mcp_gateway.telemetry.logs import FanOut, LoggingEvents
from mcp_gateway.telemetry.metrics import Metrics
from mcp_gateway.upstream.addresses import ANY_ADDRESS, PUBLIC_ADDRESSES, private_address
from mcp_gateway.upstream.client import IntegrationClient, Service
from mcp_gateway.upstream.port import UpstreamClient

RICHPANEL = "richpanel"
"""The integration whose address is a setting."""
FIRST_LINK_SECONDS = 1.0
"""How long the start waits for Redis before it serves from Postgres alone."""

R = TypeVar("R")

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ProcessContext:
    """What one process opens once and closes at the end; stays above the factory."""

    settings: Settings
    engine: AsyncEngine
    redis: "Redis"
    upstreams: Mapping[str, UpstreamClient]
    """By integration."""
    catalog: Catalog
    clock: Clock
    metrics: Metrics


class Factory:
    """Builds services; each gets only what it uses."""

    def __init__(self, context: ProcessContext, hosts: HostSource | None = None) -> None:
        """`hosts` stands in for the catalog's tools."""
        settings = context.settings
        keys = parse_encryption_keys(settings.encryption_keys)
        shared_secret = next(iter(keys.values()))
        self._clock = self.clock = context.clock
        self._public_url = settings.public_url
        self._sealer = Sealer(keys)
        self._tokens = TokenStores(
            context.engine, context.redis, context.clock, shared_secret, HashChain(keys, AUDIT_LABEL)
        )
        self._unit_of_work = self._tokens.unit_of_work
        self._announcer = self._tokens.announcer
        self._revoker = Revoker(announcer=self._announcer, roll_call=self._tokens.roll_call, clock=context.clock)
        self.metrics = context.metrics
        self.list_cursors = ListCursors(CursorSigner(keys.values()))
        self.tool_sets = ToolSets(context.catalog)
        self.authentication = AuthenticationService(
            server_tokens=self._tokens.servers,
            api_tokens=self._tokens.api_tokens,
            operator_keys=split_operator_keys(settings.operator_key),
        )
        self.limits = self._limits(context)
        self.account_keys = AccountKeys(sealer=self._sealer, unit_of_work=self._unit_of_work, clock=context.clock)
        self.call_log = ToolCallLog(
            unit_of_work=self._unit_of_work,
            clock=context.clock,
            entries=CallEntries(shared_secret),
            on_lost=context.metrics.tool_calls_lost,
        )
        self.tool_calls = ToolCallService(
            upstreams=context.upstreams,
            keys=self.account_keys,
            guards=self._guards(context, shared_secret),
            events=FanOut(LoggingEvents(), context.metrics, self.call_log),
            clock=context.clock,
            cursor_key=shared_secret,
            result_budget=settings.result_max_characters,
        )
        self.last_seen = LastSeen(unit_of_work=self._unit_of_work, clock=context.clock)
        self.hosts: HostSource = hosts or ServerHosts(
            tool_sets=self.tool_sets,
            calls=self.tool_calls,
            limits=self.limits,
            last_seen=self.last_seen,
            clock=context.clock,
        )
        # A subscription of its own: answers in pieces must not make the announcements of tokens late.
        self._stream_link = RedisLink(context.redis, carries="streams")
        self.streams = self._streams(context, StreamIds(shared_secret))
        self.upkeep = Upkeep(
            unit_of_work=self._unit_of_work,
            announcer=self._announcer,
            sweep_seconds=settings.sweep_seconds,
            clock=context.clock,
            call_retention=timedelta(days=settings.log_retention_days),
        )

    def once(self, caller: AdminPrincipal, key: str, request: bytes, render: Callable[[R], Answer]) -> Once[R]:
        """A request of the admin API with an `Idempotency-Key`."""
        return KeyedOnce(key, request, render, self._sealer, self._unit_of_work, caller)

    def tenants(self) -> TenantService:
        """Tenants."""
        return TenantService(unit_of_work=self._unit_of_work, revoker=self._revoker)

    def api_tokens(self) -> ApiTokenService:
        """API tokens."""
        return ApiTokenService(unit_of_work=self._unit_of_work, revoker=self._revoker, clock=self._clock)

    def accounts(self) -> AccountService:
        """Integrated accounts."""
        return AccountService(
            unit_of_work=self._unit_of_work,
            announcer=self._announcer,
            revoker=self._revoker,
            sealer=self._sealer,
            integrations=[integration.name for integration in self.tool_sets.integrations()],
        )

    def audit(self) -> AuditService:
        """The audit log."""
        return AuditService(unit_of_work=self._unit_of_work)

    def direct_calls(self) -> DirectCallService:
        """Tool calls over plain REST."""
        return DirectCallService(unit_of_work=self._unit_of_work, tool_sets=self.tool_sets, calls=self.tool_calls)

    def servers(self) -> ServerService:
        """MCP servers."""
        return ServerService(
            unit_of_work=self._unit_of_work,
            announcer=self._announcer,
            revoker=self._revoker,
            tool_sets=self.tool_sets,
            clock=self._clock,
            public_url=self._public_url,
        )

    def _limits(self, context: ProcessContext) -> CallLimits:
        settings = context.settings
        figures = LimitFigures(
            token_per_minute=settings.token_limit_per_minute,
            tenant_per_minute=settings.tenant_limit_per_minute,
            misses_per_minute=settings.miss_limit_per_minute,
            tenant_concurrency=settings.tenant_concurrency,
            concurrency=settings.concurrency,
        )
        leases = QuotaLeases(context.redis, self._tokens.link, WINDOW_SECONDS)
        return CallLimits(leases, context.clock, figures, context.metrics, assumed_replicas=settings.assumed_replicas)

    def _guards(self, context: ProcessContext, shared_secret: bytes) -> Guards:
        return Guards(
            limits=self.limits,
            duplicates=DuplicateGuard(
                memory=CallMemory(context.redis, self._tokens.link, shared_secret),
                sealer=self._sealer,
                clock=context.clock,
                longest_call_seconds=context.settings.upstream_timeout_seconds,
            ),
            permit=WritePermit(
                server_tokens=self._tokens.servers,
                api_tokens=self._tokens.api_tokens,
                unit_of_work=self._unit_of_work,
            ),
        )

    def _streams(self, context: ProcessContext, ids: StreamIds) -> StreamHub:
        settings = context.settings
        return StreamHub(
            ids=ids,
            relay=StreamRelay(context.redis, self._stream_link, self._sealer, context.clock, ids.process),
            server_tokens=self._tokens.servers,
            clock=context.clock,
            metrics=context.metrics,
            hears=lambda: self._tokens.link.available,
            limits=StreamLimits(
                streams=settings.max_streams,
                per_server=settings.max_streams_per_server,
                per_tenant=settings.max_streams_per_tenant,
                calls_per_server=settings.max_stream_calls_per_server,
            ),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Run the background work for as long as the block lasts."""
        upkeep, streams = self.upkeep, self.streams
        work = (
            self._tokens.link.run(),
            self._tokens.roll_call.attend_forever(),
            self._stream_link.run(),
            self.limits.desk.run(),
            self.call_log.run(),
            self.last_seen.write_forever(),
            *(upkeep.replay_forever(), upkeep.sweep_forever()),
            *(streams.keep_forever(), streams.watch_forever()),
        )
        tasks = [asyncio.create_task(one) for one in work]
        try:
            try:
                async with asyncio.timeout(FIRST_LINK_SECONDS):
                    await self._tokens.link.wait_until(available=True)
                    await self._stream_link.wait_until(available=True)
            except TimeoutError:
                logger.warning("redis.unavailable", waited_seconds=FIRST_LINK_SECONDS)
            yield self
        finally:
            await self.tool_calls.finish_writes()
            await self.account_keys.aclose()
            await cancel_all(tasks)
            await streams.aclose()
            with suppress(StoreUnavailableError):
                await self.last_seen.write()
            await self.call_log.aclose()
            await self._tokens.aclose()


@asynccontextmanager
async def open_factory(
    settings: Settings,
    *,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    hosts: HostSource | None = None,
    catalog: Catalog | None = None,
) -> AsyncIterator[Factory]:
    """Open everything in order, check that it may be served with, and close it in reverse.

    Raises:
        ConfigurationError: one line that says why it must not serve.
    """
    async with AsyncExitStack() as stack:
        catalog = _checked(catalog or load_catalog())
        engine = open_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
        stack.push_async_callback(engine.dispose)
        await _check_database(engine, parse_encryption_keys(settings.encryption_keys))
        redis = open_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        if not settings.allow_private_upstream:
            await _check_upstreams(settings, catalog)
        upstreams = {name: _open_client(settings, one) for name, one in catalog.integrations.items()}
        for upstream in upstreams.values():
            stack.push_async_callback(upstream.aclose)
        context = ProcessContext(
            settings=settings,
            engine=engine,
            redis=redis,
            upstreams=upstreams,
            catalog=catalog,
            clock=clock or SystemClock(),
            metrics=metrics or Metrics(),
        )
        yield await stack.enter_async_context(Factory(context, hosts).running())


def _open_client(settings: Settings, integration: Integration) -> IntegrationClient:
    return IntegrationClient(
        base_url=_base_url(settings, integration),
        connect_timeout_seconds=settings.upstream_connect_timeout_seconds,
        timeout_seconds=settings.upstream_timeout_seconds,
        max_bytes=settings.upstream_max_bytes,
        max_idle_connections=settings.upstream_max_idle_connections,
        service=Service(integration.title, integration.key_header),
        addresses=ANY_ADDRESS if settings.allow_private_upstream else PUBLIC_ADDRESSES,
    )


def _base_url(settings: Settings, integration: Integration) -> str:
    return settings.richpanel_url if integration.name == RICHPANEL else integration.base_url


async def _check_upstreams(settings: Settings, catalog: Catalog) -> None:
    """For a clear word at the start; what holds is the check of each connection."""
    for integration in catalog.integrations.values():
        address = await private_address(
            _base_url(settings, integration), seconds=settings.upstream_connect_timeout_seconds
        )
        if address is not None:
            raise ConfigurationError(
                f"the base URL of {integration.title} leads to {address}, which is no public address; "
                "GATEWAY_ALLOW_PRIVATE_UPSTREAM=true allows that"
            )


def _checked(catalog: Catalog) -> Catalog:
    faults = [finding for finding in gate.check(catalog) if finding.level == "error"]
    if faults:
        raise ConfigurationError(f"catalog: {faults[0].subject}: {faults[0].message} ({len(faults)} fault(s) in all)")
    return catalog


async def _check_database(engine: AsyncEngine, keys: Mapping[str, bytes]) -> None:
    try:
        await migrations.check_role(engine)
        await migrations.check_schema(engine)
        await migrations.check_isolation(engine)
        await check_keys(engine, keys)
    except StoreUnavailableError as exc:
        raise ConfigurationError(f"GATEWAY_DATABASE_URL: {exc.message} ({type(exc.__cause__).__name__})") from exc


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest revision and grant the application's role its rights.

    Raises:
        ConfigurationError: no owner's URL, or the database refused.
    """
    asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    application = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    url = (owner or settings.database_url).get_secret_value()
    engine = open_engine(url, pool_size=1, statement_seconds=None)
    try:
        had_log = await migrations.has_audit_log(engine)
        await migrations.upgrade(engine)
        if not had_log:
            await begin_chains(engine, HashChain(parse_encryption_keys(settings.encryption_keys), AUDIT_LABEL))
        role = unquote(urlsplit(application).username or "")
        if owner is not None and role:
            await migrations.grant(engine, role)
    except StoreUnavailableError as exc:
        reason = str(exc.__cause__).partition("\n")[0]
        raise ConfigurationError(f"GATEWAY_MIGRATION_DATABASE_URL: {exc.message}: {reason}") from exc
    finally:
        await engine.dispose()


def verify_audit_log(settings: Settings, *, tenant_id: str | None, noted: Sequence[ChainEnd] = ()) -> AuditReport:
    """Check that no row of the audit log was changed or taken away, as the owner's role.

    Raises:
        ConfigurationError: no owner's URL.
        StoreUnavailableError: the database does not answer.
    """
    return asyncio.run(_verify_audit_log(settings, tenant_id, noted))


async def _verify_audit_log(settings: Settings, tenant_id: str | None, noted: Sequence[ChainEnd]) -> AuditReport:
    if settings.migration_database_url is None:
        raise ConfigurationError("GATEWAY_MIGRATION_DATABASE_URL is not set: only the owner sees every row")
    engine = open_engine(settings.migration_database_url.get_secret_value(), pool_size=1, statement_seconds=None)
    chain = HashChain(parse_encryption_keys(settings.encryption_keys), AUDIT_LABEL)
    try:
        return await check_log(engine, chain, tenant_id=tenant_id, noted=noted)
    finally:
        await engine.dispose()


def rotate_keys(settings: Settings) -> RotationReport:
    """Seal every stored secret with the first encryption key, as the owner's role, while the gateway goes on.

    Raises:
        ConfigurationError: no owner's URL, one of another role, or the schema is an older one.
        StoreUnavailableError: the database does not answer; what was done stands, and running it again does the rest.
    """
    return asyncio.run(_rotate_keys(settings))


async def _rotate_keys(settings: Settings) -> RotationReport:
    if settings.migration_database_url is None:
        raise ConfigurationError("GATEWAY_MIGRATION_DATABASE_URL is not set: only the owner sees every row")
    keys = parse_encryption_keys(settings.encryption_keys)
    engine = open_engine(settings.migration_database_url.get_secret_value(), pool_size=1, statement_seconds=None)
    try:
        await migrations.check_schema(engine)
        await migrations.check_owner(engine)
        return await KeyRotation(engine, Sealer(keys), HashChain(keys, AUDIT_LABEL)).run()
    finally:
        await engine.dispose()
