"""The outermost layer: takes secrets out of the path, numbers the request, adds headers, logs, catches what is left."""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Mapping

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_gateway.http.bodies import ClientGoneError
from mcp_gateway.http.client_address import CLIENT_ADDRESS_KEY, ClientAddress
from mcp_gateway.http.secrets_in_path import mcp_route, take_secret
from mcp_gateway.http.whole import TAKES_WHOLE_ANSWERS, WHOLE_BODY, WHOLE_EXCHANGE, WholeExchange
from mcp_gateway.kit.redact import redact
from mcp_gateway.kit.request_facts import RequestFacts, set_request_facts
from mcp_gateway.telemetry.lines import log_line
from mcp_gateway.telemetry.metrics import Metrics

REQUEST_ID_KEY = "request_id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
)

_SECURITY_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)

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
        endpoints: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        """`endpoints` by path are called at once: what the application wraps its routes in is nothing they need."""
        self._app = app
        self._endpoints = endpoints or {}
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
        sent: dict[bytes, bytes] = dict(scope["headers"])
        request_id = scope[REQUEST_ID_KEY] = _request_id(sent.get(b"x-request-id"))
        scope[CLIENT_ADDRESS_KEY] = self._client_address.of(scope)
        user_agent = sent.get(b"user-agent")
        set_request_facts(RequestFacts(request_id, None if user_agent is None else user_agent.decode("latin-1")))
        whole = (scope.get("extensions") or {}).get(WHOLE_EXCHANGE)
        exchange = _Exchange(send, request_id, whole)
        started = time.perf_counter()
        app = self._endpoints.get(scope["path"])
        if app is None:
            app = self._app
        else:
            scope["app"] = self._app
            scope[TAKES_WHOLE_ANSWERS] = True
        try:
            await app(scope, receive, exchange.send)
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
        method = _method(scope["method"])
        self._metrics.request_finished(method, route, status, seconds)
        client = scope[CLIENT_ADDRESS_KEY]
        log_line(
            "http.request",
            {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2), "client": client},
        )


class _Exchange:
    """One answer on its way out."""

    __slots__ = ("_request_id", "_send", "_whole", "started", "status")

    def __init__(self, send: Send, request_id: str, whole: WholeExchange | None) -> None:
        self._send = send
        self._whole = whole
        self._request_id = request_id
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """Pass on, with our headers on the first message; a route that sets one of them itself keeps its own."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = message.get("headers", [])
            present = {name for name, _ in headers}
            message["headers"] = [
                *headers,
                *(SECURITY_HEADERS if present.isdisjoint(_SECURITY_NAMES) else _missing(present)),
                (b"x-request-id", self._request_id.encode()),
            ]
            if WHOLE_BODY in message:
                await self._send_whole(message, message.pop(WHOLE_BODY))
                return
        await self._send(message)

    async def _send_whole(self, start: Message, body: bytes) -> None:
        if self._whole is None or not self._whole.answer(start["status"], start["headers"], body):
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body})


def _missing(present: set[bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in SECURITY_HEADERS if pair[0] not in present]


_process = secrets.token_hex(6)
_numbers = itertools.count(1)


def _request_id(given: bytes | None) -> str:
    if given is not None:
        text = given.decode("latin-1")
        # It is told in answers and kept in the logs: what looks like a secret is none to take over.
        if _REQUEST_ID.fullmatch(text) and redact(text) == text:
            return text
    # Unique, and not secret: a name of this process and a number cost less than random bytes for each request.
    return f"req_{_process}{next(_numbers):012x}"


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
