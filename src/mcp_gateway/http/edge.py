"""The outermost layer: takes secrets out of the path, numbers the request, adds headers, logs, catches what is left."""

import re
import secrets
import time
from collections.abc import Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_gateway.http.bodies import ClientGoneError
from mcp_gateway.http.client_address import CLIENT_ADDRESS_KEY, ClientAddress
from mcp_gateway.http.secrets_in_path import mcp_route, take_secret
from mcp_gateway.kit.request_facts import RequestFacts, set_request_facts
from mcp_gateway.telemetry.metrics import Metrics

REQUEST_ID_KEY = "request_id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
)

_LAST_RESORT = (
    b'{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the gateway failed; '
    b'quote the request id when asking for help","code":"internal","request_id":"%b","errors":[]}'
)

logger = structlog.get_logger("mcp_gateway.http")


class Edge:
    """Wraps the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        client_address: ClientAddress,
        on_drain: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._client_address = client_address
        self.drain = on_drain
        """To be called when the server begins to stop; it waits for open streams before it ends the lifespan."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event; only HTTP requests are dressed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        take_secret(scope)
        request_id = scope[REQUEST_ID_KEY] = _request_id(scope)
        scope[CLIENT_ADDRESS_KEY] = self._client_address.of(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        set_request_facts(RequestFacts(request_id, _user_agent(scope)))
        exchange = _Exchange(send, request_id)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, exchange.send)
        except ClientGoneError:
            exchange.status = 499  # the log's customary word for "the client closed the connection"
        except Exception:
            logger.exception("http.failed", method=scope["method"], route=_route(scope))
            if not exchange.started:
                await _last_resort(exchange.send, request_id)
        finally:
            self._finished(scope, exchange.status, time.perf_counter() - started)

    def _finished(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.request_finished(_method(scope["method"]), route, status, seconds)
        logger.info(
            "http.request",
            method=_method(scope["method"]),
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            client=scope[CLIENT_ADDRESS_KEY],
        )


class _Exchange:
    """One answer on its way out."""

    __slots__ = ("_request_id", "_send", "started", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """Pass on, with our headers on the first message; a route that sets one of them itself keeps its own."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            present = {name for name, _ in headers}
            headers.extend(pair for pair in SECURITY_HEADERS if pair[0] not in present)
            MutableHeaders(raw=headers)["x-request-id"] = self._request_id
        await self._send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(given):
                return given
    return "req_" + secrets.token_hex(12)


def _user_agent(scope: Scope) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), None)


def _route(scope: Scope) -> str:
    """The route's template, never the path as sent: paths hold ids, and what matched no route holds anything."""
    known = mcp_route(scope["path"])
    if known is not None:
        return known
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return template or "unmatched"


def _method(method: str) -> str:
    return method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"


async def _last_resort(send: Send, request_id: str) -> None:
    """A 500 for what not even the error renderer could answer."""
    body = _LAST_RESORT % request_id.encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
