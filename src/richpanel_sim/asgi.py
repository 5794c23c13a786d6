"""The few ASGI moves the simulator makes: read a body, send a reply in one of several ways, or break the connection."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from richpanel_sim.clock import Clock
from richpanel_sim.exchange import Reply
from richpanel_sim.refusals import too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# API Gateway's documented payload limit.
MOST_BODY_BYTES = 10 * 1024 * 1024
_BODILESS = {204, 304}
_PIECE_BYTES = 65536
_GARBAGE = b"\x16\x03\x01\x00\xa5 this is no HTTP\r\n\x00\xff\xfe\r\n\r\n"
# Linger on, for no time: closing sends RST in place of FIN and drops what is still unsent.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientGoneError(ConnectionError):
    """The client left before its request was complete, or before it had its answer."""


class ConnectionDroppedError(ConnectionError):
    """Raised where a connection was to be broken and there is none, as under an in-process transport."""


class Wire:
    """One request's way in and its answer's way out.

    Under ``richpanel_sim.server`` the connection's transport is lent to the app; what needs it raises
    ConnectionDroppedError elsewhere. There the answer's ``Date`` is the clock's too.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, clock: Clock) -> None:
        self._receive = receive
        self._send = send
        self._clock = clock
        self._transport: asyncio.Transport | None = (scope.get("state") or {}).get("transport")

    async def read_body(self) -> bytes:
        """The whole request body.

        Raises:
            RefusalError: 413 above ``MOST_BODY_BYTES``.
            ClientGoneError: the client disconnected first.
        """
        chunks: list[bytes] = []
        size, is_complete = 0, False
        while not is_complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError("the client left before its request was complete")
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MOST_BODY_BYTES:
                raise too_large()
            is_complete = not message.get("more_body", False)
        return b"".join(chunks)

    async def send(self, reply: Reply) -> None:
        """Send ``reply`` with its content length."""
        await self._send_pieces(reply, _PIECE_BYTES, pause=None)

    async def drip(self, reply: Reply, pause: float) -> None:
        """Send ``reply`` byte by byte, ``pause`` seconds apart, for as long as the client listens."""
        await self._send_pieces(reply, 1, pause)

    async def wait(self, seconds: float) -> None:
        """Return after ``seconds`` on the clock.

        Raises:
            ClientGoneError: the client left meanwhile.
        """
        pause, gone = asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self.until_gone())
        try:
            await asyncio.wait({pause, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not pause.done():
                raise ClientGoneError("the client left before its answer was due")
        finally:
            pause.cancel()
            gone.cancel()

    async def until_gone(self) -> None:
        """Return once the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def close(self) -> None:
        """Close the connection without another byte."""
        self._lent().close()
        await self.until_gone()

    async def reset(self) -> None:
        """Reset the connection (RST)."""
        transport = self._lent()
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        # The server takes a return without an answer for a crash until it has seen the disconnect.
        await self.until_gone()

    async def send_garbage(self) -> None:
        """Send what is no HTTP, and close."""
        self._write(_GARBAGE)
        await self.close()

    async def send_raw(self, reply: Reply) -> None:
        """Send ``reply`` with its headers letter by letter, and close; a server would write them in its own way."""
        self._write(self._raw(reply, len(reply.body)))
        await self.close()

    async def send_half(self, reply: Reply, *, is_reset: bool) -> None:
        """Send half of the body under the length of the whole, and close or reset."""
        length = max(len(reply.body), 2)
        self._write(self._raw(reply.with_body(reply.body[: length // 2]), length))
        await (self.reset() if is_reset else self.close())

    async def _send_pieces(self, reply: Reply, size: int, pause: float | None) -> None:
        body = b"" if reply.status in _BODILESS else reply.body
        await self._send({"type": "http.response.start", "status": reply.status, "headers": self._headers(reply)})
        for start in range(0, len(body), size):
            if pause is not None and start:
                await self.wait(pause)
            await self._send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    def _headers(self, reply: Reply) -> list[tuple[bytes, bytes]]:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self._dated(reply)]
        if reply.status not in _BODILESS and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(reply.body)).encode()))
        return headers

    def _dated(self, reply: Reply) -> tuple[tuple[str, str], ...]:
        if self._transport is None:
            return reply.headers
        return (("date", format_datetime(self._clock.now(), usegmt=True)), *reply.headers)

    def _raw(self, reply: Reply, length: int) -> bytes:
        lines = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            *(f"{name}: {value}" for name, value in self._dated(reply)),
            f"content-length: {length}\r\nconnection: close\r\n\r\n",
        ]
        return "\r\n".join(lines).encode("latin-1") + reply.body

    def _write(self, data: bytes) -> None:
        # Past the transport, which may keep it for the next turn of the loop and would lose it to a reset.
        with socket.fromfd(
            self._lent().get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM
        ) as direct:
            direct.setblocking(False)
            direct.send(data)

    def _lent(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionDroppedError("connection broken on demand")
        return self._transport


async def accept_lifespan(receive: Receive, send: Send) -> None:
    """Agree to start and stop: there is nothing to set up."""
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
