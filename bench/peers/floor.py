"""What one Python process can reach: a bare ASGI application that hands the same GET on.

PORT, UPSTREAM and CLIENT in the environment. CLIENT is `ours`, the gateway's own client and the fastest measured;
`pyqwest`, the fastest of the libraries; or `raw`, an asyncio protocol that knows nothing but answers with a
content-length, for the distance to the metal.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import pyqwest
import uvicorn

from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient

UPSTREAM = os.environ["UPSTREAM"]
HEADERS = [(b"content-type", b"application/json")]
IDLE = 512

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Fetch = Callable[[str], Awaitable[bytes]]


class RawConnection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._got = b""
        self.waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire: Any = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        at = self._got.find(b"content-length:", 0, end)
        if end < 0 or len(self._got) < end + 4 + int(self._got[at + 15 : self._got.find(b"\r\n", at)]):
            return
        body, self._got = self._got[end + 4 :], b""
        if self.waiter is not None:
            self.waiter.set_result(body)


def raw() -> Fetch:
    parts = urlsplit(UPSTREAM)
    idle: list[RawConnection] = []

    async def fetch(path: str) -> bytes:
        loop = asyncio.get_running_loop()
        if idle:
            connection = idle.pop()
        else:
            _, connection = await loop.create_connection(RawConnection, parts.hostname, parts.port)
        connection.waiter = loop.create_future()
        connection.wire.write(f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())
        body = await connection.waiter
        idle.append(connection)
        return body

    return fetch


def with_pyqwest() -> Fetch:
    transport = pyqwest.HTTPTransport(
        http_version=pyqwest.HTTPVersion.HTTP1,
        proxy=pyqwest.Proxy("http://127.0.0.1:9", no_proxy="*,0.0.0.0/0,::/0"),
        pool_max_idle_per_host=IDLE,
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
        enable_otel=False,
    )
    client = pyqwest.Client(transport)

    async def fetch(path: str) -> bytes:
        return bytes((await client.get(UPSTREAM + path)).content)

    return fetch


def ours() -> Fetch:
    client: list[IntegrationClient] = []

    async def fetch(path: str) -> bytes:
        if not client:
            one = IntegrationClient(
                base_url=UPSTREAM,
                connect_timeout_seconds=3,
                timeout_seconds=35,
                max_bytes=8 * 1024 * 1024,
                max_idle_connections=IDLE,
            )
            client.append(one)
        return (await client[0].send(UpstreamRequest("GET", path), "rp_bench_key")).body

    return fetch


fetch = {"raw": raw, "pyqwest": with_pyqwest, "ours": ours}[os.environ["CLIENT"]]()


async def app(scope: Scope, _receive: object, send: Send) -> None:
    if scope["type"] == "http":
        body = await fetch(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
