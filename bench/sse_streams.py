"""Memory of idle event streams, and the time of tool calls beside them: .venv/bin/python bench/sse_streams.py

Starts a gateway (`serve`), the simulator and, unless TEST_DATABASE_URL and TEST_REDIS_URL name some, the embedded
stores; another process holds the streams. Ends with status 1 when a stream costs more than 60 KB of the gateway.
"""

import argparse
import asyncio
import base64
import contextlib
import multiprocessing
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey, create_database

SERVERS = 20
OPENED_AT_ONCE = 50
CALLERS = 4
LIMIT_SECONDS = 120
MAX_KB = 60
SETTLE_SECONDS = 3.0
SPARE_DESCRIPTORS = 500
TOOL = {"name": "list_all_richpanel_conversations", "arguments": {"limit": 2}}
CALL = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": TOOL})


def allow_descriptors(count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + SPARE_DESCRIPTORS, hard), hard))


@contextlib.contextmanager
def stores() -> Iterator[dict[str, str]]:
    """The settings that lead to migrated stores."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        admin = os.environ.get("TEST_DATABASE_URL")
        if admin is None:
            admin = stack.enter_context(EmbeddedPostgres(directory / "postgres", durable=False)).url
        redis = os.environ.get("TEST_REDIS_URL")
        if redis is None:
            redis = stack.enter_context(EmbeddedValkey(directory / "valkey", persistence="none")).url
        urls = create_database(admin, "bench_streams", "bench_streams_app", secrets.token_hex(16))
        yield {
            "GATEWAY_DATABASE_URL": urls.app,
            "GATEWAY_MIGRATION_DATABASE_URL": urls.owner,
            "GATEWAY_REDIS_URL": redis,
        }


@contextlib.contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A process that says `ready URL`: its URL and process id."""
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)


def provision(url: str, key: str) -> list[str]:
    """Tokens of as many servers of one account."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:

        def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
            return answer

        tenant = made("/tenant", {"name": "bench"})["id"]
        credentials = {"api_key": "rp_bench"}
        account = {"integration": "richpanel", "name": "b", "tenant_id": tenant, "credentials": credentials}
        path = f"/integrated-account/{made('/integrated-account', account)['id']}/mcp"
        return [str(made(path, {"name": "s"})["token"]) for _ in range(SERVERS)]


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)


async def open_streams(url: str, tokens: list[str], count: int) -> list[asyncio.StreamWriter]:
    turns = asyncio.Semaphore(OPENED_AT_ONCE)

    async def one(token: str) -> asyncio.StreamWriter:
        async with turns, asyncio.timeout(LIMIT_SECONDS):
            reader, writer = await connected(url)
            writer.write(f"GET /mcp/{token}/sse HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readuntil(b"/message/")
            return writer

    return await asyncio.gather(*(one(tokens[number % len(tokens)]) for number in range(count)))


async def hold(url: str, tokens: list[str], count: int, orders: Connection) -> None:
    writers = await open_streams(url, tokens, count)
    orders.send(len(writers))
    await asyncio.to_thread(orders.recv)
    for writer in writers:
        writer.close()


def run_holder(url: str, tokens: list[str], count: int, orders: Connection) -> None:
    allow_descriptors(count)
    asyncio.run(hold(url, tokens, count, orders))


@contextlib.contextmanager
def held(url: str, tokens: list[str], count: int) -> Iterator[float]:
    """As many streams in another process; the seconds it took to open them."""
    ours, theirs = multiprocessing.Pipe()
    holder = multiprocessing.get_context("spawn").Process(target=run_holder, args=(url, tokens, count, theirs))
    started = time.perf_counter()
    holder.start()
    try:
        assert ours.poll(LIMIT_SECONDS), "the streams did not open"
        assert ours.recv() == count
        yield time.perf_counter() - started
    finally:
        ours.send("close")
        holder.join(LIMIT_SECONDS)
        if holder.is_alive():
            holder.kill()


async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    started = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    body = await reader.readexactly(int(length.partition(b":")[2]))
    assert b'"isError":false' in body, body[:300]
    return time.perf_counter() - started


async def call_times(url: str, token: str, count: int) -> tuple[float, float]:
    """p50 and p99 of tool calls over kept connections, in milliseconds."""
    head = f"POST /mcp/{token} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(CALL)}\r\n\r\n".encode() + CALL

    async def caller() -> list[float]:
        reader, writer = await connected(url)
        times = [await call(reader, writer, request) for _ in range(count // CALLERS)]
        writer.close()
        return times

    async with asyncio.timeout(LIMIT_SECONDS):
        times = [each for some in await asyncio.gather(*(caller() for _ in range(CALLERS))) for each in some]
    cuts = statistics.quantiles(times, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def measure(url: str, pid: int, tokens: list[str], streams: int, calls: int) -> float:
    """Print the table; KB of each stream."""

    def times() -> tuple[float, float]:
        return asyncio.run(call_times(url, tokens[0], calls))

    times()
    with held(url, tokens, OPENED_AT_ONCE):
        pass
    before, beside_none = resident_kb(pid), times()
    with held(url, tokens, streams) as seconds:
        time.sleep(SETTLE_SECONDS)
        after, beside_all = resident_kb(pid), times()
    each = (after - before) / streams
    print("| streams open | resident, MB | p50, ms | p99, ms |")
    print("|---|---|---|---|")
    print(f"| 0 | {before / 1024:.1f} | {beside_none[0]:.1f} | {beside_none[1]:.1f} |")
    print(f"| {streams} | {after / 1024:.1f} | {beside_all[0]:.1f} | {beside_all[1]:.1f} |")
    print(f"\n{each:.1f} KB a stream; {streams} opened in {seconds:.1f} s; {calls} calls by {CALLERS} callers")
    return each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--calls", type=int, default=4000)
    arguments = parser.parse_args()
    allow_descriptors(arguments.streams)
    key = secrets.token_hex(32)
    gateway = [sys.executable, "-m", "mcp_gateway.cli"]
    simulator = [str(Path(sys.executable).with_name("richpanel-sim")), "--key", "rp_bench", "--limit", "1000000"]
    with stores() as urls, serving(simulator, {}) as (upstream, _):
        environment = {
            **urls,
            "GATEWAY_OPERATOR_KEY": key,
            "GATEWAY_ENCRYPTION_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "GATEWAY_PUBLIC_URL": "http://localhost",
            "GATEWAY_RICHPANEL_URL": upstream,
            "GATEWAY_ALLOW_PRIVATE_UPSTREAM": "true",
            "GATEWAY_LOG_LEVEL": "warning",
        }
        subprocess.run([*gateway, "migrate"], env={**os.environ, **environment}, check=True, capture_output=True)
        with serving([*gateway, "serve", "--port", "0"], environment) as (url, pid):
            each = measure(url, pid, provision(url, key), arguments.streams, arguments.calls)
    return int(each > MAX_KB)


if __name__ == "__main__":
    sys.exit(main())
