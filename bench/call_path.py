"""CPU of one exchange from head and body to answer, with everything on but sockets and upstream: bench/call_path.py

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
from collections.abc import AsyncIterator, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.peers.peers import LEGACY, MARKS, MODERN, mcp_requests, provisioned_by, stores
from bench.peers.stub import ticket

from mcp_gateway.http.whole import WHOLE_EXCHANGE, WholeAnswer
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
        self.answered = WholeAnswer(0, b"", b"")

    def drop_rest(self) -> None:
        pass

    def answer(self, answer: WholeAnswer) -> bool:
        self.answered = answer
        return True

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        raise AssertionError(message)


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


def scope_of(head: bytes) -> dict[str, Any]:
    first, *lines = head.split(b"\r\n")
    path = first.split(b" ")[1]
    return {
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


async def exchange(app: Any, scope: dict[str, Any], body: bytes) -> WholeAnswer:
    """The long way, for what the direct one does not know yet: a token that is asked for the first time."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app({**scope}, Wire(body).receive, send)
    return WholeAnswer(sent[0]["status"], b"", sent[1]["body"])


async def direct_exchange(app: Any, head: Any, body: bytes) -> WholeAnswer:
    """With a head that the connection has seen before, as all but a client's first ones."""
    answer = app.direct.answer(head, body)
    if isinstance(answer, WholeAnswer):
        return answer
    wire = Wire(body)
    scope = app.direct.scope(head)
    scope["extensions"] = {WHOLE_EXCHANGE: wire}
    await answer(scope, wire.receive, wire.send)
    return wire.answered


async def microseconds(app: Any, request: bytes, mark: str) -> float:
    head_bytes, _, body = request.partition(b"\r\n\r\n")
    scope = scope_of(head_bytes)
    first = await exchange(app, scope, body)
    head = app.direct.head(scope)
    answer = await direct_exchange(app, head, body)
    assert first.status == answer.status == HTTPStatus.OK, answer
    assert mark.encode() in first.body, first
    assert mark.encode() in answer.body, answer
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            await direct_exchange(app, head, body)
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
            head_bytes, _, body = request.partition(b"\r\n\r\n")
            head = app.direct.head(scope_of(head_bytes))
            with cProfile.Profile() as profile:
                for _ in range(ROUNDS * CALLS):
                    await direct_exchange(app, head, body)
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
