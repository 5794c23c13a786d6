"""Requests that no HTTP client would send, byte for byte; and those of clients that are not at hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

LIMIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer of a connection that goes on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return orjson.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


class Connection:
    """Sends requests one after the other over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> Answer:
        """Send a request as it is; its answer, which must say its length."""
        async with asyncio.timeout(LIMIT_SECONDS):
            self._writer.write(request)
            await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip().split("\r\n")
            headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
            body = await self._reader.readexactly(int(dict(headers)["content-length"]))
        return Answer(int(first.split(" ")[1]), headers, body)


async def opened(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server of this URL."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


@contextlib.asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    """The same for requests that are all answered."""
    reader, writer = await opened(url)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def exchange(url: str, request: bytes) -> bytes:
    """Send this, read until the server closes; give `connection: close` where it would not."""
    reader, writer = await opened(url)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            writer.write(request)
            await writer.drain()
            return await reader.read()
    finally:
        writer.close()
