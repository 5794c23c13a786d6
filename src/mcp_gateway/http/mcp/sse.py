"""HTTP+SSE of 2024-11-05: `GET /mcp/{token}/sse` opens a stream, and what is posted to its URL is answered on it.

The thinnest layer over the protocol's own answer: checks as on the endpoint, and bytes in and out. Which replica holds
a stream is the business of `services/streams.py`.
"""

import asyncio
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
from mcp_gateway.protocol.preflight import preflight, stream_preflight
from mcp_gateway.protocol.reply import ACCEPTED, Reply, error_reply
from mcp_gateway.protocol.sse import body_refusal, endpoint_event
from mcp_gateway.services.stream import CloseReason, Stream
from mcp_gateway.services.streams import (
    DeadTokenError,
    RemoteStream,
    StreamGoneError,
    StreamHub,
    TooManyStreamsError,
)

STREAM_GONE = -31_410
STREAM_GONE_REPLY = error_reply(
    404, STREAM_GONE, "This event stream is not open, or not this server's: open it again with a GET of its URL."
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
        await respond(ACCEPTED, with_sunset(send, principal.expires_at, factory.clock))
        reply = await answered(scope, body, principal, factory, partial(factory.streams.tell, stream))
        if len(reply.body) > MAX_STREAMED_ANSWER_BYTES:
            logger.error("sse.answer_too_large", server_id=principal.server_id, bytes=len(reply.body))
            reply = internal_error_reply(body)
        if reply.body:
            await factory.streams.tell(stream, reply.body)

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
        try:
            stream = await factory.streams.find(scope["path_params"]["stream_id"], principal.server_id)
        except StreamGoneError:
            return STREAM_GONE_REPLY
        except StoreUnavailableError as exc:
            return unavailable(exc)
        refusal = body_refusal(body)
        return (body, principal, stream) if refusal is None else refusal


def _body(events: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": events, "more_body": more}


async def _close_with_client(receive: Receive, stream: Stream, streams: StreamHub) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    streams.close(stream, CloseReason.CLIENT_GONE)
