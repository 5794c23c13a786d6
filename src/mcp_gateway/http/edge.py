"""The outermost layer: takes secrets out of the path, numbers the request, adds headers, logs, catches what is left."""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_gateway.http.bodies import ClientGoneError
from mcp_gateway.http.client_address import CLIENT_ADDRESS_KEY, ClientAddress
from mcp_gateway.http.secrets_in_path import mcp_route, take_secret
from mcp_gateway.http.whole import DirectAnswers
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
        self.direct: DirectAnswers[Any] | None = None
        """A way round all this for requests that need none of it."""
        self.drain = on_drain
        """To be called when the server begins to stop; it waits for open streams before it ends the lifespan."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event; only HTTP requests are dressed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        take_secret(scope)
        caller = self.caller(scope)
        facts = numbered(caller)
        scope[REQUEST_ID_KEY], scope[CLIENT_ADDRESS_KEY] = facts.request_id, caller.address
        app = self._endpoints.get(scope["path"])
        if app is None:
            app = self._app
        else:
            scope["app"] = self._app
        outgoing = Outgoing(send, scope[REQUEST_ID_KEY])
        await self.attend(
            app(scope, receive, outgoing.send), outgoing, facts, _Place(caller.address, scope), time.perf_counter()
        )

    def caller(self, scope: Scope) -> "Caller":
        """Who sent a request."""
        sent: dict[bytes, bytes] = dict(scope["headers"])
        user_agent = sent.get(b"user-agent")
        return Caller(
            self._client_address.of(scope),
            None if user_agent is None else user_agent.decode("latin-1"),
            _own_request_id(sent.get(b"x-request-id")),
        )

    async def attend(
        self, answering: Awaitable[None], outgoing: "Outgoing", facts: RequestFacts, place: "Place", started: float
    ) -> None:
        """Wait for an answer to be sent; whatever goes wrong, there is one, and the request is logged and counted."""
        set_request_facts(facts)
        try:
            await answering
        except ClientGoneError:
            outgoing.status = 499  # the log's customary word for "the client closed the connection"
        except Exception:
            # The last net: whatever was not foreseen is logged with its traceback, and still has an answer.
            logger.exception("http.failed", method=place.method, route=place.route)
            if not outgoing.started:
                await _last_resort(outgoing)
        finally:
            self.request_finished(place, outgoing.status, time.perf_counter() - started)

    def request_finished(self, place: "Place", status: int, seconds: float) -> None:
        """Log and count a request."""
        method, route = place.method, place.route
        self._metrics.request_finished(method, route, status, seconds)
        log_line(
            "http.request",
            {
                "method": method,
                "route": route,
                "status": status,
                "ms": int(seconds * 100_000 + 0.5) / 100,  # hundredths; `round` to digits costs several times as much
                "client": place.address,
            },
        )


class Caller(NamedTuple):
    """Who sent a request, as its head tells."""

    address: str
    user_agent: str | None
    request_id: str | None
    """The caller's own, where it is one to take over."""


class Place(Protocol):
    """Where a request was sent, as logs and metrics tell it."""

    @property
    def method(self) -> str:
        """In upper case; `other` for what is no usual one."""

    @property
    def route(self) -> str:
        """The template of a path, never a path as sent."""

    @property
    def address(self) -> str:
        """The caller's."""


class _Place:
    """The same, found out at the end: it is the application that knows its routes."""

    __slots__ = ("_scope", "address")

    def __init__(self, address: str, scope: Scope) -> None:
        self.address = address
        self._scope = scope

    @property
    def method(self) -> str:
        """See `Place.method`."""
        return _method(self._scope["method"])

    @property
    def route(self) -> str:
        """See `Place.route`."""
        return _route(self._scope)


class Outgoing:
    """One answer on its way out."""

    __slots__ = ("_send", "request_id", "started", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
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
                (b"x-request-id", self.request_id.encode()),
            ]
        await self._send(message)


def _missing(present: set[bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in SECURITY_HEADERS if pair[0] not in present]


_process = secrets.token_hex(6)
_numbers = itertools.count(1)


def _own_request_id(given: bytes | None) -> str | None:
    if given is None:
        return None
    text = given.decode("latin-1")
    # It is told in answers and kept in the logs: what looks like a secret is none to take over.
    return text if _REQUEST_ID.fullmatch(text) and redact(text) == text else None


def numbered(caller: Caller) -> RequestFacts:
    """What is known of one more request of this caller."""
    # Unique, and not secret: a name of this process and a number cost less than random bytes for each request.
    return RequestFacts(caller.request_id or f"req_{_process}{next(_numbers):012x}", caller.user_agent)


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


async def _last_resort(outgoing: Outgoing) -> None:
    """A 500 for what not even the error renderer could answer."""
    body = _LAST_RESORT % outgoing.request_id.encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await outgoing.send({"type": "http.response.start", "status": 500, "headers": headers})
    await outgoing.send({"type": "http.response.body", "body": body})
