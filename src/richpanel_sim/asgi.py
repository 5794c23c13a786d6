"""The few ASGI moves the simulator makes: read a body, send a reply, drop a connection."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from richpanel_sim.exchange import Reply
from richpanel_sim.refusals import too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# API Gateway's documented payload limit.
MOST_BODY_BYTES = 10 * 1024 * 1024
_BODILESS = {204, 304}


class ClientGoneError(ConnectionError):
    """The client left before its request was complete."""


class ConnectionDroppedError(ConnectionError):
    """Raised where a drop was asked for and there is no socket to drop, as under an in-process transport."""


async def read_body(receive: Receive) -> bytes:
    """The whole request body.

    Raises:
        RefusalError: 413 above ``MOST_BODY_BYTES``.
        ClientGoneError: the client disconnected first.
    """
    chunks: list[bytes] = []
    size, is_complete = 0, False
    while not is_complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("the client left before its request was complete")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MOST_BODY_BYTES:
            raise too_large()
        is_complete = not message.get("more_body", False)
    return b"".join(chunks)


async def send_reply(send: Send, reply: Reply) -> None:
    """Send ``reply`` with its content length."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    body = b"" if reply.status in _BODILESS else reply.body
    if reply.status not in _BODILESS and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def drop_connection(scope: Scope, receive: Receive) -> None:
    """Close the client's connection without answering.

    Raises:
        ConnectionDroppedError: the app does not run under ``richpanel_sim.server``, which lends the socket.
    """
    transport = scope.get("state", {}).get("transport")
    if transport is None:
        raise ConnectionDroppedError("connection dropped on demand")
    transport.abort()
    # The server takes a return without an answer for a crash until it has seen the disconnect.
    while (await receive())["type"] != "http.disconnect":
        pass


async def accept_lifespan(receive: Receive, send: Send) -> None:
    """Agree to start and stop: there is nothing to set up."""
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
