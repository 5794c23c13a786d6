"""CPU per call of HTTP clients against a loopback stub in another process; takes a few seconds.

Run `.venv/bin/python bench/upstream_clients.py`. CPU is this process's, native threads included, the stub's excluded.
pyqwest's httpx transport is measured where `h2`, which it imports and the gateway does not need, is installed.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from multiprocessing.connection import Connection
from typing import cast

import httpx
import pyqwest
import uvloop

from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient

try:
    from pyqwest.httpx import AsyncPyqwestTransport

    HAS_PYQWEST_TRANSPORT = True
except ModuleNotFoundError:
    HAS_PYQWEST_TRANSPORT = False

BODY = b'{"data":"' + b"x" * 1994 + b'"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
CONCURRENCY = (1, 16, 64)
IDLE = 256
HEADERS = {"accept": "application/json", "accept-encoding": "identity", "x-richpanel-key": "k"}

Call = Callable[[], Awaitable[int]]


class Stub(asyncio.Protocol):
    """Answers every request; each fits one segment here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.wire.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve(announce: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    announce.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_stub(announce: Connection) -> None:
    uvloop.run(serve(announce))


def transport() -> pyqwest.HTTPTransport:
    return pyqwest.HTTPTransport(
        http_version=pyqwest.HTTPVersion.HTTP1,
        proxy=pyqwest.Proxy("http://127.0.0.1:9", no_proxy="*,0.0.0.0/0,::/0"),
        pool_max_idle_per_host=IDLE,
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
        follow_redirects=False,
        enable_otel=False,
    )


@asynccontextmanager
async def ours(base_url: str) -> AsyncIterator[Call]:
    client = IntegrationClient(
        base_url=base_url,
        connect_timeout_seconds=3,
        timeout_seconds=35,
        max_bytes=8 * 1024 * 1024,
        max_idle_connections=IDLE,
    )
    request = UpstreamRequest(method="GET", target="/v1/tickets/1")

    async def call() -> int:
        return len((await client.send(request, "k")).body)

    yield call
    await client.aclose()


@asynccontextmanager
async def plain_pyqwest(base_url: str) -> AsyncIterator[Call]:
    async with transport() as native:
        client = pyqwest.Client(native)

        async def call() -> int:
            return len((await client.get(f"{base_url}/v1/tickets/1", HEADERS)).content)

        yield call


@asynccontextmanager
async def httpx_over(base_url: str, inner: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Call]:
    limits = httpx.Limits(max_connections=IDLE, max_keepalive_connections=IDLE)
    async with httpx.AsyncClient(
        base_url=base_url, headers=HEADERS, timeout=35, limits=limits, transport=inner, trust_env=False
    ) as client:

        async def call() -> int:
            return len((await client.get("/v1/tickets/1")).content)

        yield call


def httpx_on_pyqwest(base_url: str) -> AbstractAsyncContextManager[Call]:
    return httpx_over(base_url, AsyncPyqwestTransport(transport()))


CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[Call]]] = {
    "IntegrationClient (ours, on httptools)": ours,
    "pyqwest.Client": plain_pyqwest,
    "httpx": httpx_over,
}
if HAS_PYQWEST_TRANSPORT:
    CLIENTS["httpx on pyqwest's transport"] = httpx_on_pyqwest


async def measure(call: Call, concurrency: int, seconds: float) -> tuple[float, float]:
    """CPU milliseconds per call, calls per second."""
    await asyncio.gather(*(call() for _ in range(concurrency)))
    done = 0
    started, cpu = time.perf_counter(), time.process_time()

    async def worker() -> None:
        nonlocal done
        while time.perf_counter() - started < seconds:
            if await call() != len(BODY):
                raise SystemExit("a client lost bytes")
            done += 1

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return (time.process_time() - cpu) * 1000 / done, done / (time.perf_counter() - started)


async def main(port: int, seconds: float) -> None:
    print("| client | " + " | ".join(f"c={number}: CPU ms/call, calls/s" for number in CONCURRENCY) + " |")
    print("|---|" + "---|" * len(CONCURRENCY))
    for name, make in CLIENTS.items():
        async with make(f"http://127.0.0.1:{port}") as call:
            cells = [await measure(call, number, seconds) for number in CONCURRENCY]
        print(f"| {name} | " + " | ".join(f"{cpu:.3f}, {rate:,.0f}" for cpu, rate in cells) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="per client and concurrency")
    options = parser.parse_args()
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    stub = multiprocessing.get_context("spawn").Process(target=run_stub, args=(sender,), daemon=True)
    stub.start()
    try:
        uvloop.run(main(receiver.recv(), options.seconds))
    finally:
        stub.terminate()
        stub.join()
