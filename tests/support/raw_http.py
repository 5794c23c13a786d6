"""Requests that no HTTP client would send, byte for byte."""

import asyncio
from urllib.parse import urlsplit

LIMIT_SECONDS = 10


async def opened(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server of this URL."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


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
