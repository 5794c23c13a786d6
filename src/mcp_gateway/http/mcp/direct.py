"""The short way through the endpoint, for what nearly every request is: usual, whole, and of a token known here.

The answers are those of `McpEndpoint` behind `Edge`. What needs no waiting gets its answer without a task; a tool call
has one, without the layers and messages of ASGI. Whatever is not plain at first sight goes the long way.
"""

import time
from typing import NamedTuple

import structlog
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_gateway.factory import Factory
from mcp_gateway.http.edge import SECURITY_HEADERS, Caller, Edge, Outgoing, numbered
from mcp_gateway.http.mcp.admission import bearer, respond
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.patience import Patience, PatientAnswer
from mcp_gateway.http.secrets_in_path import ENDPOINT_HIDDEN, ENDPOINT_PATH, ENDPOINT_PREFIX, ENDPOINT_ROUTES
from mcp_gateway.http.whole import WHOLE_EXCHANGE, WholeAnswer, WholeExchange, check_field_lines, field_lines
from mcp_gateway.kit.request_facts import RequestFacts, begin_request, end_request
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.exchange import Pending, PendingBatch, read
from mcp_gateway.protocol.headers import McpHeaders, collect
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.preflight import accepts_event_stream
from mcp_gateway.protocol.progress import Notify
from mcp_gateway.protocol.reply import JSON_HEADERS, Reply
from mcp_gateway.services.authentication import mcp_token_digest
from mcp_gateway.services.expiry import ends_soon

USUAL_ACCEPT = b"application/json, text/event-stream"
USUAL_ACCEPTS = frozenset({USUAL_ACCEPT, b"text/event-stream, application/json", b"application/json", b"*/*"})
_UNUSUAL_FIELDS = frozenset({b"origin", b"content-encoding", b"x-api-token"})
_SECURITY_LINES = field_lines(SECURITY_HEADERS)
_JSON_LINES = field_lines([(name.encode(), value.encode()) for name, value in JSON_HEADERS]) + _SECURITY_LINES

logger = structlog.get_logger(__name__)


class McpHead(NamedTuple):
    """What there is to know of a usual request before its body; a `Place` too."""

    scope: Scope
    """As the server made it, the token still in its path."""
    digest: bytes
    """Of the token."""
    sent: McpHeaders
    may_stream: bool
    caller: Caller
    route: str
    method: str = "POST"

    @property
    def address(self) -> str:
        """See `Place.address`."""
        return self.caller.address


class DirectMcp:
    """`DirectAnswers` of the MCP endpoint."""

    def __init__(self, edge: Edge, state: State, hosts: HostCheck, patience: Patience) -> None:
        """`state` has the factory by the time of the first request; `edge` is the long way."""
        self.edge = edge
        self.patience = patience
        self._state = state
        self._hosts = hosts

    def head(self, scope: Scope) -> McpHead | None:
        """See `DirectAnswers.head`."""
        path: str = scope["path"]
        in_path = path.startswith(ENDPOINT_PREFIX)
        if not (in_path or path == ENDPOINT_PATH) or not self.is_usual(scope["method"], scope["headers"]):
            return None
        token = path[len(ENDPOINT_PREFIX) :] if in_path else bearer(scope)
        digest = None if token is None else mcp_token_digest(token)
        if digest is None:
            return None
        caller = self.edge.caller(scope)
        may_stream = accepts_event_stream(scope["headers"])
        route = ENDPOINT_ROUTES[ENDPOINT_HIDDEN if in_path else ENDPOINT_PATH]
        return McpHead(scope, digest, collect(scope["headers"]), may_stream, caller, route)

    def answer(self, head: McpHead, body: bytes) -> WholeAnswer | ASGIApp:
        """See `DirectAnswers.answer`."""
        factory: Factory = self._state.factory
        principal = factory.authentication.server_at_hand(head.digest)
        if (
            principal is None
            or principal.config.require_api_token_auth
            or (principal.expires_at is not None and ends_soon(principal.expires_at, factory.clock))
        ):
            return self.edge
        exchange = _Exchange(self, head, principal)
        try:
            return exchange.at_hand(body, factory) or exchange
        except Exception:
            # A bug. Nothing was called yet, so it may be tried the long way, which has an answer for bugs too.
            logger.exception("mcp.failed", server_id=principal.server_id)
            return self.edge

    def scope(self, head: McpHead) -> Scope:
        """See `DirectAnswers.scope`."""
        return {**head.scope, "state": head.scope["state"].copy()}

    def is_usual(self, method: str, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether none of the endpoint's checks could refuse it, nor a page have sent it: told in one look."""
        sent = dict(headers)
        host = sent.get(b"host")
        return (
            method == "POST"
            and len(sent) == len(headers)  # none came twice
            and host is not None
            and sent.get(b"content-type") == b"application/json"
            and sent.get(b"accept", USUAL_ACCEPT) in USUAL_ACCEPTS
            and _UNUSUAL_FIELDS.isdisjoint(sent)
            and self._hosts.allows_host([host])
        )


class _Exchange:
    """One request on the short way: an ASGI application, for where it has to wait for something."""

    __slots__ = ("_edge", "_facts", "_head", "_host", "_patience", "_pending", "_principal", "_started")

    def __init__(self, way: DirectMcp, head: McpHead, principal: ServerPrincipal) -> None:
        self._started = time.perf_counter()
        self._edge = way.edge
        self._patience = way.patience
        self._head = head
        self._principal = principal
        self._facts = numbered(head.caller)
        self._host: Host
        self._pending: Pending | PendingBatch

    def at_hand(self, body: bytes, factory: Factory) -> WholeAnswer | None:
        """The answer of what needs no waiting."""
        before = begin_request(self._facts)
        try:
            reply = self._reply_at_hand(body, factory)
            if reply is None:
                return None
            answer = _whole(reply, self._facts)
            self._edge.request_finished(self._head, reply.status, time.perf_counter() - self._started)
            return answer
        finally:
            end_request(before)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what does."""
        outgoing = Outgoing(send, str(self._facts.request_id))
        whole: WholeExchange = scope["extensions"][WHOLE_EXCHANGE]
        answering = self._answer(whole, receive, outgoing)
        await self._edge.attend(answering, outgoing, self._facts, self._head, self._started)

    def _reply_at_hand(self, body: bytes, factory: Factory) -> Reply | None:
        host = self._host = factory.hosts.host(self._principal)
        pending = read(self._head.sent, body, host)
        if isinstance(pending, Reply):
            return pending
        self._pending = pending
        return pending.at_hand(host)

    async def _answer(self, whole: WholeExchange, receive: Receive, outgoing: Outgoing) -> None:
        patient = PatientAnswer(receive, outgoing.send, self._patience, may_stream=self._head.may_stream)
        reply = await patient.of(self._awaited)
        if reply is None:
            return
        outgoing.status = reply.status
        if whole.answer(_whole(reply, self._facts)):
            outgoing.started = True
        else:
            await respond(reply, outgoing.send)

    async def _awaited(self, notify: Notify | None) -> Reply:
        try:
            return await self._pending.answer(self._host, notify)
        except Exception:
            # A bug, or a store out of reach. A tool may have been called, so nothing is tried again.
            logger.exception("mcp.failed", server_id=self._principal.server_id)
            return self._pending.failed()


def _whole(reply: Reply, facts: RequestFacts) -> WholeAnswer:
    last = f"content-length: {len(reply.body)}\r\nx-request-id: {facts.request_id}\r\n".encode()
    if reply.headers is JSON_HEADERS:
        return WholeAnswer(reply.status, _JSON_LINES + last, reply.body)
    headers = dict(reply.headers)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")
    check_field_lines(lines, len(headers))
    return WholeAnswer(reply.status, lines + _SECURITY_LINES + last, reply.body)
