"""CPU per call and slowest calls of HTTP clients against a loopback stub in another process; about a minute.

Run `.venv/bin/python bench/upstream_clients.py [--tls]`. CPU is this process's, native threads included, the stub's
excluded. pyqwest's httpx transport is measured where `h2`, which it imports and the gateway does not need, is
installed. All speak HTTP/1.1: over HTTP/2 pyqwest sends again what a peer says it has not processed, and is no choice.
"""

import argparse
import asyncio
import multiprocessing
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import httpx
import httpx2
import pyqwest
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.upstream.certificates import server_context

from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient

try:
    from pyqwest.httpx import AsyncPyqwestTransport

    HAS_PYQWEST_TRANSPORT = True
except ModuleNotFoundError:
    HAS_PYQWEST_TRANSPORT = False

BODY = b'{"data":"' + b"x" * 1994 + b'"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
CONCURRENCY = (1, 16, 64, 256)
IDLE = 256
HEADERS = {"accept": "application/json", "accept-encoding": "identity", "x-richpanel-key": "k"}

Call = Callable[[], Awaitable[int]]


class Stub(asyncio.Protocol):
    """Answers every request; each fits one segment here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.wire.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve(announce: Connection, tls: ssl.SSLContext | None) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, ssl=tls)
    announce.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_stub(announce: Connection, place: str | None) -> None:
    tls = None
    if place is not None:
        tls, certificate = server_context(Path(place))
        announce.send(certificate)
    uvloop.run(serve(announce, tls))


def transport(ca: bytes | None) -> pyqwest.HTTPTransport:
    return pyqwest.HTTPTransport(
        tls_ca_cert=ca,
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
async def ours(base_url: str, ca: bytes | None) -> AsyncIterator[Call]:
    client = IntegrationClient(
        ca_certificates=ca,
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
async def plain_pyqwest(base_url: str, ca: bytes | None) -> AsyncIterator[Call]:
    async with transport(ca) as native:
        client = pyqwest.Client(native)

        async def call() -> int:
            return len((await client.get(f"{base_url}/v1/tickets/1", HEADERS)).content)

        yield call


@asynccontextmanager
async def over(library: Any, base_url: str, ca: bytes | None, inner: Any = None) -> AsyncIterator[Call]:
    """httpx, or httpx2, which has the same interface."""
    limits = library.Limits(max_connections=IDLE, max_keepalive_connections=IDLE)
    verify: Any = ssl.create_default_context(cadata=ca.decode()) if ca else True
    async with library.AsyncClient(
        base_url=base_url, headers=HEADERS, timeout=35, limits=limits, transport=inner, trust_env=False, verify=verify
    ) as client:

        async def call() -> int:
            return len((await client.get("/v1/tickets/1")).content)

        yield call


def with_httpx(base_url: str, ca: bytes | None) -> AbstractAsyncContextManager[Call]:
    return over(httpx, base_url, ca)


def with_httpx2(base_url: str, ca: bytes | None) -> AbstractAsyncContextManager[Call]:
    return over(httpx2, base_url, ca)


def httpx_on_pyqwest(base_url: str, ca: bytes | None) -> AbstractAsyncContextManager[Call]:
    return over(httpx, base_url, ca, AsyncPyqwestTransport(transport(ca)))


CLIENTS: dict[str, Callable[[str, bytes | None], AbstractAsyncContextManager[Call]]] = {
    "IntegrationClient (ours, on httptools)": ours,
    "pyqwest.Client": plain_pyqwest,
    "httpx2": with_httpx2,
    "httpx": with_httpx,
}
if HAS_PYQWEST_TRANSPORT:
    CLIENTS["httpx on pyqwest's transport"] = httpx_on_pyqwest


async def measure(call: Call, concurrency: int, seconds: float) -> tuple[float, float, float]:
    """CPU milliseconds per call, calls per second, milliseconds within which 99 of 100 calls ended."""
    await asyncio.gather(*(call() for _ in range(concurrency)))
    times = []
    started, cpu = time.perf_counter(), time.process_time()

    async def worker() -> None:
        while (began := time.perf_counter()) - started < seconds:
            if await call() != len(BODY):
                raise SystemExit("a client lost bytes")
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    used, taken = time.process_time() - cpu, time.perf_counter() - started
    return used * 1000 / len(times), len(times) / taken, sorted(times)[int(len(times) * 0.99)] * 1000


async def main(base_url: str, ca: bytes | None, seconds: float) -> None:
    print("| client | " + " | ".join(f"c={number}: CPU ms/call, calls/s, p99 ms" for number in CONCURRENCY) + " |")
    print("|---|" + "---|" * len(CONCURRENCY))
    for name, make in CLIENTS.items():
        async with make(base_url, ca) as call:
            cells = [await measure(call, number, seconds) for number in CONCURRENCY]
        told = " | ".join(f"{cpu:.3f}, {rate:,.0f}, {late:.1f}" for cpu, rate, late in cells)
        print(f"| {name} | {told} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="per client and concurrency")
    parser.add_argument("--tls", action="store_true", help="over TLS, connections kept")
    options = parser.parse_args()
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as place:
        arguments = (sender, place if options.tls else None)
        stub = multiprocessing.get_context("spawn").Process(target=run_stub, args=arguments, daemon=True)
        stub.start()
        try:
            certificate = receiver.recv() if options.tls else None
            origin = f"https://localhost:{receiver.recv()}" if options.tls else f"http://127.0.0.1:{receiver.recv()}"
            uvloop.run(main(origin, certificate, options.seconds))
        finally:
            stub.terminate()
            stub.join()
