"""HTTP+SSE of 2024-11-05: `GET /mcp/{token}/sse` opens a stream, and what is posted to its URL is answered on it.

The thinnest layer over the protocol's own answer: checks as on the endpoint, and bytes in and out. Which replica holds
a stream is the business of `services/streams.py`.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import structlog
from starlette.types import Message, Receive, Scope, Send

from mcp_gateway.constants import MAX_STREAMED_ANSWER_BYTES
from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.factory import Factory
from mcp_gateway.http.mcp.admission import (
    DEAD_TOKEN_REPLY,
    UNAVAILABLE,
    authenticated,
    place_refusal,
    posted_body,
    respond,
    unavailable,
)
from mcp_gateway.http.mcp.cors import answer_preflight, for_pages
from mcp_gateway.http.mcp.endpoint import answered
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.sunset import with_sunset
from mcp_gateway.http.secrets_in_path import TOKEN_KEY
from mcp_gateway.kit.tasks import cancel_all
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.events import EVENT_STREAM_HEADERS
from mcp_gateway.protocol.exchange import internal_error_reply
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.preflight import preflight, stream_preflight
from mcp_gateway.protocol.reply import ACCEPTED, Reply, error_reply
from mcp_gateway.protocol.sse import body_refusal, endpoint_event
from mcp_gateway.services.busy_host import BusyHost
from mcp_gateway.services.stream import CloseReason, Stream
from mcp_gateway.services.stream_calls import RemoteStream, while_open
from mcp_gateway.services.streams import (
    DeadTokenError,
    StreamEndingError,
    StreamGoneError,
    StreamHub,
    TooManyStreamsError,
)

STREAM_GONE = -31_410
STREAM_GONE_REPLY = error_reply(
    404, STREAM_GONE, "This event stream is not open, or not this server's: open it again with a GET of its URL."
)
ENDING_REPLY = error_reply(
    503,
    UNAVAILABLE,
    "The replica that holds this event stream is about to stop: it only finishes what it has. Open a stream again.",
    headers=(("retry-after", "1"),),
)
FULL_REPLY = error_reply(
    503, UNAVAILABLE, "There are as many event streams as may be open here.", headers=(("retry-after", "5"),)
)

logger = structlog.get_logger(__name__)


class StreamEndpoint:
    """ASGI application that opens streams."""

    def __init__(self, hosts: HostCheck, public_url: str, keep_alive_seconds: float) -> None:
        """The message URL is told as a path below that of `public_url`."""
        self._hosts = hosts
        self._prefix = urlsplit(public_url).path
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or send events until one side ends the stream."""
        factory: Factory = scope["app"].state.factory
        send = for_pages(send, scope, self._hosts)
        opened = await self._open(scope, factory)
        if isinstance(opened, Reply):
            await respond(opened, send)
            return
        stream, principal = opened
        send = with_sunset(send, principal.expires_at, factory.clock)
        watch = asyncio.create_task(_close_with_client(receive, stream, factory.streams))
        try:
            stream.put(endpoint_event(f"{self._prefix}/mcp/{scope[TOKEN_KEY]}/message/{stream.id}"))
            await self._send(stream, send)
        finally:
            factory.streams.release(stream)
            await cancel_all([watch])

    async def _open(self, scope: Scope, factory: Factory) -> tuple[Stream, ServerPrincipal] | Reply:
        refusal = (
            place_refusal(scope, self._hosts)
            or answer_preflight(scope, "GET")
            or stream_preflight(scope["method"], scope["headers"])
        )
        if refusal is not None:
            return refusal
        principal = await authenticated(scope, factory)
        if isinstance(principal, Reply):
            return principal
        try:
            return await factory.streams.open(scope[TOKEN_KEY], principal), principal
        except TooManyStreamsError:
            return FULL_REPLY
        except DeadTokenError:
            return DEAD_TOKEN_REPLY

    async def _send(self, stream: Stream, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in EVENT_STREAM_HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while (events := await stream.take(self._keep_alive_seconds)) is not None:
            await send(_body(events, more=True))
        await send(_body(b"", more=False))


class MessageEndpoint:
    """ASGI application that takes messages for a stream."""

    def __init__(self, hosts: HostCheck) -> None:
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or accept at once and answer on the stream."""
        factory: Factory = scope["app"].state.factory
        send = for_pages(send, scope, self._hosts)
        accepted = await self._accept(scope, receive, factory)
        if isinstance(accepted, Reply):
            await respond(accepted, send)
            return
        body, principal, stream = accepted
        try:
            await respond(ACCEPTED, with_sunset(send, principal.expires_at, factory.clock))
            await self._answer(scope, body, principal, stream, factory)
        finally:
            await factory.streams.end(stream)

    async def _answer(
        self, scope: Scope, body: bytes, principal: ServerPrincipal, stream: Stream | RemoteStream, factory: Factory
    ) -> None:
        """Answer on the stream. A read is cancelled when the stream ends first; a write is let finish."""
        streams = factory.streams
        host_of, has_place = factory.hosts.host, streams.places.enter(principal.server_id)
        if not has_place:
            factory.metrics.limit_met("stream_calls")
            logger.warning("sse.overloaded", server_id=principal.server_id)
        try:
            reply = await while_open(
                stream,
                lambda: answered(
                    scope, body, principal, host_of if has_place else _busy(host_of), partial(streams.tell, stream)
                ),
            )
        finally:
            if has_place:
                streams.places.leave(principal.server_id)
        if reply is None:
            logger.info("sse.call_cancelled", server_id=principal.server_id)
            return
        if len(reply.body) > MAX_STREAMED_ANSWER_BYTES:
            logger.error("sse.answer_too_large", server_id=principal.server_id, bytes=len(reply.body))
            reply = internal_error_reply(body)
        if reply.body:
            await streams.tell(stream, reply.body)

    async def _accept(
        self, scope: Scope, receive: Receive, factory: Factory
    ) -> tuple[bytes, ServerPrincipal, Stream | RemoteStream] | Reply:
        refusal = (
            place_refusal(scope, self._hosts)
            or answer_preflight(scope, "POST")
            or preflight(scope["method"], scope["headers"])
        )
        if refusal is not None:
            return refusal
        body = await posted_body(scope, receive)
        if isinstance(body, Reply):
            return body
        principal = await authenticated(scope, factory)
        if isinstance(principal, Reply):
            return principal
        stream = await _begun(factory.streams, scope["path_params"]["stream_id"], principal.server_id)
        if isinstance(stream, Reply):
            return stream
        refusal = body_refusal(body)
        if refusal is None:
            return body, principal, stream
        await factory.streams.end(stream)
        return refusal


async def _begun(streams: StreamHub, stream_id: str, server_id: str) -> Stream | RemoteStream | Reply:
    """The stream a message is for, or 404 or 503; once the message is done with, it is to be ended."""
    try:
        return await streams.begin(stream_id, server_id)
    except StreamGoneError:
        return STREAM_GONE_REPLY
    except StreamEndingError:
        return ENDING_REPLY
    except StoreUnavailableError as exc:
        return unavailable(exc)


def _busy(host_of: Callable[[ServerPrincipal], Host]) -> Callable[[ServerPrincipal], Host]:
    return lambda principal: BusyHost(host_of(principal))


def _body(events: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": events, "more_body": more}


async def _close_with_client(receive: Receive, stream: Stream, streams: StreamHub) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    streams.close(stream, CloseReason.CLIENT_GONE)
