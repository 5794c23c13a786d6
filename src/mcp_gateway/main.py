"""Assembles the application; decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from mcp_gateway.catalog.tool import Catalog
from mcp_gateway.config import Settings
from mcp_gateway.factory import open_factory
from mcp_gateway.http import health
from mcp_gateway.http.admin import accounts, api_tokens, audit_log, call_log, servers, tenants, tool_calls
from mcp_gateway.http.admin import catalog as catalog_routes
from mcp_gateway.http.body_limit import BodyLimit
from mcp_gateway.http.client_address import ClientAddress
from mcp_gateway.http.edge import Edge
from mcp_gateway.http.errors import install_error_handlers
from mcp_gateway.http.idempotency import on_already_answered
from mcp_gateway.http.mcp.direct import DirectMcp
from mcp_gateway.http.mcp.endpoint import McpEndpoint
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.patience import Patience
from mcp_gateway.http.mcp.sse import MessageEndpoint, StreamEndpoint
from mcp_gateway.http.secrets_in_path import ENDPOINT_ROUTES, MESSAGE_ROUTES, STREAM_ROUTES
from mcp_gateway.kit.clock import Clock
from mcp_gateway.services.idempotency import AlreadyAnsweredError
from mcp_gateway.services.server_host import HostSource
from mcp_gateway.telemetry.logs import configure_logging
from mcp_gateway.telemetry.metrics import Metrics

DESCRIPTION = """Hosted MCP servers for Richpanel: one POST gives a secret URL to paste into ChatGPT, Claude or Cursor.

Order of things: a tenant, an integrated account with a Richpanel API key, an MCP server."""


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    hosts: HostSource | None = None,
    catalog: Catalog | None = None,
) -> Edge:
    """The whole gateway as one ASGI application; nothing connects before its lifespan starts.

    Args:
        settings: those of the environment unless given.
        clock: the machine's unless given.
        hosts: servers with tools of their own, for tests; `serve` has the catalog's.
        catalog: other integrations than those of this package.

    Raises:
        ConfigurationError: a setting is missing or weak.
    """
    settings = settings or Settings.from_environment()
    configure_logging(settings.log_level, settings.log_format)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_factory(settings, clock=clock, metrics=metrics, hosts=hosts, catalog=catalog) as factory:
            app.state.factory = factory
            app.state.ready = True
            yield
            drain()

    def drain() -> None:
        app.state.ready = False
        app.state.factory.streams.drain()

    app = FastAPI(
        title="Richpanel MCP Gateway",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    hosts_served = HostCheck(
        public_url=settings.public_url,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    patience = Patience(stream_after=settings.stream_after_seconds, keep_alive=settings.keep_alive_seconds)
    routes = _mcp_routes(settings, hosts_served, patience)
    app.router.routes[:0] = routes
    for module in (tenants, api_tokens, catalog_routes, accounts, servers, tool_calls, audit_log, call_log, health):
        app.include_router(module.router)
    app.add_middleware(BodyLimit)
    install_error_handlers(app)
    app.add_exception_handler(AlreadyAnsweredError, on_already_answered)
    edge = Edge(
        app,
        metrics=metrics,
        client_address=ClientAddress(settings.trusted_proxies),
        on_drain=drain,
        endpoints={route.path: route.endpoint for route in routes if route.path in ENDPOINT_ROUTES},
    )
    edge.direct = DirectMcp(edge, app.state, hosts_served, patience)
    return edge


def _mcp_routes(settings: Settings, hosts: HostCheck, patience: Patience) -> list[Route]:
    endpoints = (
        (ENDPOINT_ROUTES, McpEndpoint(hosts, patience)),
        (STREAM_ROUTES, StreamEndpoint(hosts, settings.public_url, settings.keep_alive_seconds)),
        (MESSAGE_ROUTES, MessageEndpoint(hosts)),
    )
    return [Route(path, endpoint, include_in_schema=False) for paths, endpoint in endpoints for path in paths]
