"""CPU of one exchange from ASGI to ASGI, with everything on but sockets and upstream: python bench/call_path.py

    python bench/call_path.py --profile call      where the time goes, by function

The stores are real, and read once: as on a warm process, nothing asks them afterwards. What is told is the least of
several rounds, which on a shared machine is the nearest to the truth.
"""

import argparse
import asyncio
import contextlib
import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, MutableMapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.peers.peers import LEGACY, MARKS, MODERN, mcp_requests, provisioned_by, stores
from bench.peers.stub import ticket

from mcp_gateway.http.whole import WHOLE_EXCHANGE
from mcp_gateway.main import create_app
from mcp_gateway.models.upstream import UpstreamRequest, UpstreamResponse

ROUNDS, CALLS = 60, 100
Message = MutableMapping[str, Any]


class Upstream:
    """Answers at once."""

    def __init__(self) -> None:
        self._body = ticket("T-42")

    async def send(
        self, _request: UpstreamRequest, _key: str, *, spent_seconds: float = 0.0, **_: object
    ) -> UpstreamResponse:
        return UpstreamResponse(200, {"content-type": "application/json"}, self._body, spent_seconds)

    async def aclose(self) -> None:
        pass


class Wire:
    """One exchange, as our server protocol offers it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.sent: list[Message] = []

    def body(self) -> bytes:
        return self._body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        self.sent += [{"status": status, "headers": headers}, {"body": body}]
        return True

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Any]:
    """The application within its lifespan, its upstream replaced."""
    app = create_app()
    is_up, ends = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        if not is_up.is_set():
            return {"type": "lifespan.startup"}
        await ends.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            is_up.set()

    lifespan = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    await is_up.wait()
    # The application offers no seam for upstream's client, and a socket is what this leaves out.
    factory = app._app.state.factory  # type: ignore[attr-defined]  # noqa: SLF001
    upstreams = factory.tool_calls._upstreams  # noqa: SLF001
    upstreams.update(dict.fromkeys(upstreams, Upstream()))
    yield app
    ends.set()
    await lifespan


async def exchange(app: Any, request: bytes) -> list[Message]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    path = first.split(b" ")[1]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path.decode(),
        "raw_path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [tuple(line.split(b": ", 1)) for line in lines],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "state": {},
    }
    wire = Wire(body)
    scope["extensions"] = {WHOLE_EXCHANGE: wire}
    await app(scope, wire.receive, wire.send)
    return wire.sent


async def microseconds(app: Any, request: bytes, mark: str) -> float:
    start, body = await exchange(app, request)
    assert start["status"] == HTTPStatus.OK, body
    assert mark.encode() in body["body"], body
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            await exchange(app, request)
        best = min(best, (time.process_time() - began) / CALLS * 1e6)
    return best


async def main(profiled: str | None) -> None:
    async with started() as app:
        path = await provisioned_by(app, os.environ["GATEWAY_OPERATOR_KEY"])
        for era in (MODERN, LEGACY):
            for scenario, [request] in mcp_requests([path], era).items():
                print(f"{era} {scenario:10} {await microseconds(app, request, MARKS[scenario]):6.1f} µs CPU")
        if profiled is not None:
            [request] = mcp_requests([path], MODERN)[profiled]
            with cProfile.Profile() as profile:
                for _ in range(ROUNDS * CALLS):
                    await exchange(app, request)
            pstats.Stats(profile).sort_stats("tottime").print_stats(60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=sorted(MARKS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, stores(Path(place)) as environment:
        os.environ |= {**environment, "GATEWAY_RICHPANEL_URL": "http://127.0.0.1:9"}
        subprocess.run([sys.executable, "-m", "mcp_gateway.cli", "migrate"], check=True, capture_output=True)
        with Path(os.devnull).open("w") as sys.stderr:
            uvloop.run(main(options.profile))
