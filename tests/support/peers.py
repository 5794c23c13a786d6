"""A raw-socket upstream: records every request byte for byte and answers with whatever bytes a test scripts."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 10.0
"""Bound of every wait for an event, so that a fault ends a test instead of hanging it."""


@dataclass(slots=True)
class Exchange:
    """One request as it came, and the connection it came on."""

    raw: bytes
    connection: int
    on_connection: int
    """1 for a connection's first request."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def target(self) -> bytes:
        return self.raw.split(b" ", 2)[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.raw.split(b"\r\n\r\n", 1)[1]

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self, within: float = PATIENCE_SECONDS) -> bool:
        """True when the client closes in time; also serves as a pause between two bytes."""
        try:
            return await asyncio.wait_for(self.reader.read(1), within) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.close()


Script = Callable[[Exchange], Awaitable[bool]]
"""Answers one request; True keeps the connection for the next."""


@dataclass(slots=True)
class Peer:
    """`async with Peer(script)`; leaving it drops what is still open."""

    script: Script
    tls: ssl.SSLContext | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[bytes]:
        return [exchange.target for exchange in self.exchanges]

    async def all_closed(self) -> None:
        """Returns when no connection is left."""
        await asyncio.wait_for(self._idle.wait(), PATIENCE_SECONDS)

    async def __aenter__(self) -> Self:
        self._idle.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self.all_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._serving += 1
        self._idle.clear()
        self._writers.append(writer)
        try:
            await self._exchanges_on(self.connections, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._serving -= 1
            if not self._serving:
                self._idle.set()

    async def _exchanges_on(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = 0
        more = True
        while more:
            head = await reader.readuntil(b"\r\n\r\n")
            count += 1
            exchange = Exchange(head, number, count, reader, writer)
            exchange.raw += await reader.readexactly(int(exchange.headers.get("content-length", "0")))
            self.exchanges.append(exchange)
            more = await self.script(exchange)


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A well-formed answer with a content-length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def always(raw: bytes) -> Script:
    """Answers each request with these bytes and keeps the connection."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(raw)
        return True

    return script


def once_then_close(raw: bytes) -> Script:
    """Answers with these bytes and closes."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(raw)
        return False

    return script


def then_hold(raw: bytes) -> Script:
    """Writes these bytes and then says nothing more until the client goes."""

    async def script(exchange: Exchange) -> bool:
        await exchange.write(raw)
        await exchange.gone()
        return False

    return script
