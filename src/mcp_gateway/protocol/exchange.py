"""One HTTP exchange: the checks in their order, then the method.

The order is the specification's and what clients in use rely on: first what needs no body (`preflight.preflight`),
then, after the HTTP layer has authenticated the caller, the envelope, the era, and the era's own rules (`answer`).
Era: 2026-07-28, Versioning / Dual-era servers. Batches: JSON-RPC 2.0 §6 and 2025-03-26, Sending Messages.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from mcp_gateway.protocol import legacy, modern
from mcp_gateway.protocol.envelope import check_limits, envelope_problem, loads, readable_id
from mcp_gateway.protocol.errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    LIMITED,
    METHOD_NOT_FOUND,
    ProtocolError,
    shown,
)
from mcp_gateway.protocol.headers import NO_HEADERS, McpHeaders, RawHeaders, collect
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.progress import Notify
from mcp_gateway.protocol.reply import ACCEPTED, JSON_HEADERS, Reply, error_reply
from mcp_gateway.protocol.request import Request
from mcp_gateway.protocol.results import refusal_headers
from mcp_gateway.protocol.tools import call_tool, list_tools
from mcp_gateway.protocol.versions import HEADERLESS, LEGACY_BY_HEADER, NEWEST_STATELESS, Revision

MAX_BATCH = 20
"""Messages in one batch: they are answered one after the other, within one HTTP exchange."""

_CALL = "tools/call"

AtOnce = Callable[[Request, Host], Reply]

_AT_ONCE: Mapping[str, AtOnce] = MappingProxyType(
    {"initialize": legacy.initialize, "ping": legacy.ping, "server/discover": modern.discover, "tools/list": list_tools}
)
"""Methods that wait for nothing: all but tool calls."""


class Pending(NamedTuple):
    """A request that passed its checks and is still to be answered."""

    request: Request
    at_once: AtOnce | None
    """None for a tool call."""

    def at_hand(self, host: Host) -> Reply | None:
        """The answer where nothing has to be waited for; None says nothing, `answer` must be asked."""
        if self.at_once is None or not host.admit_at_hand():
            return None
        return self._called(self.at_once, host)

    async def answer(self, host: Host, notify: Notify | None = None) -> Reply:
        """The answer; 429 where a limit of the gateway's own is reached. A tool call has results for that."""
        request = self.request
        if self.at_once is None:
            try:
                return await call_tool(request, host, notify)
            except ProtocolError as error:
                return _refused(error, request.revision, request.id)
        refusal = await host.admit()
        if refusal is None:
            return self._called(self.at_once, host)
        return error_reply(429, LIMITED, refusal.message, request.id, headers=refusal_headers(refusal, host.quota()))

    def failed(self) -> Reply:
        """The answer when a host raised; see `internal_error_reply`."""
        return _internal_error(self.request.id)

    def _called(self, method: AtOnce, host: Host) -> Reply:
        try:
            return method(self.request, host)
        except ProtocolError as error:
            return _refused(error, self.request.revision, self.request.id)


class PendingBatch(NamedTuple):
    """Several messages that are still to be looked at."""

    messages: list[Any]

    def at_hand(self, _host: Host) -> Reply | None:
        """See `Pending.at_hand`."""
        return None

    def failed(self) -> Reply:
        """See `Pending.failed`; of many ids none is the one to tell."""
        return _internal_error(None)

    async def answer(self, host: Host, notify: Notify | None = None) -> Reply:
        """See `Pending.answer`."""
        # One after the other: the order of two writes is the caller's, and a batch must not multiply its concurrency.
        answers = [await _answer_member(message, host, notify) for message in self.messages]
        replies = [reply for reply in answers if reply.body]
        if not replies:
            return ACCEPTED
        headers = next((reply.headers for reply in reversed(replies) if reply.headers != JSON_HEADERS), JSON_HEADERS)
        return Reply(200, headers, b"[%b]" % b",".join(reply.body for reply in replies))


async def answer(headers: RawHeaders, body: bytes, host: Host, notify: Notify | None = None) -> Reply:
    """Answer the body of one POST; never raises for anything a client sends.

    Status is 200, 202, 400 or 404, or what `ToolOutcome.http_status` asks for. `notify` takes what is to be told ahead
    of the answer; without it nothing is.
    """
    pending = read(collect(headers), body, host)
    return pending if isinstance(pending, Reply) else await pending.answer(host, notify)


def read(sent: McpHeaders, body: bytes, host: Host) -> Reply | Pending | PendingBatch:
    """The first half of `answer`, which waits for nothing: a refusal, 202, or what is still to be answered."""
    message: Any = None
    try:
        message = loads(body)
        check_limits(body, message)
    except ProtocolError as error:
        return error_reply(400, error.code, error.message, readable_id(message))
    if not isinstance(message, list):
        return _read_message(message, sent, host)
    problem = _batch_problem(message, sent)
    return PendingBatch(message) if problem is None else error_reply(400, INVALID_REQUEST, problem)


def internal_error_reply(body: bytes) -> Reply:
    """The answer when a host raised: -32603 with the request's id, so that the client stops waiting.

    HTTP 200, as a 5xx makes clients drop the whole connection and not only the call.
    """
    try:
        request_id = readable_id(loads(body))
    except ProtocolError:
        request_id = None
    return _internal_error(request_id)


def _internal_error(request_id: str | int | None) -> Reply:
    return error_reply(200, INTERNAL_ERROR, "Internal error.", request_id)


def _read_message(message: Any, sent: McpHeaders, host: Host) -> Reply | Pending:
    if not isinstance(message, dict):
        return error_reply(400, INVALID_REQUEST, "The body must be a JSON object.")
    problem = envelope_problem(message)
    if problem is not None:
        return error_reply(400, INVALID_REQUEST, problem, readable_id(message))
    revision = _revision(message, sent)
    if "method" not in message and not revision.posted_responses:
        return error_reply(400, INVALID_REQUEST, "This revision knows no posted responses.", message["id"])
    if "method" not in message or "id" not in message:
        return ACCEPTED
    try:
        request = modern.read(message, sent) if revision.stateless else legacy.read(message, sent, revision)
        host.seen(request.client)
        return Pending(request, _method(request))
    except ProtocolError as error:
        return _refused(error, revision, message["id"])


def _refused(error: ProtocolError, revision: Revision, request_id: str | int) -> Reply:
    return error_reply(revision.error_status[error.code], error.code, error.message, request_id, data=error.data)


def _method(request: Request) -> AtOnce | None:
    method = request.method
    if method not in request.revision.methods:
        raise ProtocolError(METHOD_NOT_FOUND, f'Method "{shown(method)}" is not implemented.')
    return None if method == _CALL else _AT_ONCE[method]


def _revision(message: dict[str, Any], sent: McpHeaders) -> Revision:
    """Whose rules judge this message: a known legacy header decides, any other header is modern, none is legacy.

    A body that speaks modern without the header is modern too, so that it hears about the missing header.
    """
    if sent.version is not None:
        return LEGACY_BY_HEADER.get(sent.version, NEWEST_STATELESS)
    if modern.names_a_version(message) and message.get("method") != "initialize":
        return NEWEST_STATELESS
    return HEADERLESS


def _batch_problem(messages: list[Any], sent: McpHeaders) -> str | None:
    revision = LEGACY_BY_HEADER.get(sent.version) if sent.version is not None else HEADERLESS
    if revision is None or not revision.batches:
        return "This revision knows no batches: send each message on its own."
    if not messages:
        return "A batch must hold at least one message."
    if len(messages) > MAX_BATCH:
        return f"A batch may hold at most {MAX_BATCH} messages."
    return None


async def _answer_member(message: Any, host: Host, notify: Notify | None) -> Reply:
    if isinstance(message, dict) and message.get("method") == "initialize":
        return error_reply(400, INVALID_REQUEST, "initialize must not be in a batch.", readable_id(message))
    pending = _read_message(message, NO_HEADERS, host)
    return pending if isinstance(pending, Reply) else await pending.answer(host, notify)
