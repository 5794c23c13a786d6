"""Runs ASGI applications on real sockets inside the test's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from mcp_gateway.cli.wire import WatchfulProtocol

START_SECONDS = 20
KEEP_ALIVE_SECONDS = 600
"""Longer than any client here keeps an idle connection, so that none is closed in the moment of its next request."""


class QuietServer(uvicorn.Server):
    """A server that leaves the test process' signal handlers alone, and tells the application when it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        tell = getattr(self.config.app, "drain", None)
        if tell is not None:
            tell()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def loopback_listener() -> socket.socket:
    """A socket on a free port, for an application that must know its own address."""
    # With the protocol named, as asyncio turns Nagle's delays off only where it is: 40 ms for every answer otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL that leads to it."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve on this socket, or on a free loopback port; gives the base URL."""
    listener = listener or loopback_listener()
    config = uvicorn.Config(
        app,
        http=WatchfulProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(START_SECONDS):
            while not server.started:
                if task.done():
                    await task
                    raise RuntimeError("the application did not start")
                await asyncio.sleep(0)
        yield url_of(listener)
    finally:
        server.should_exit = True
        await task
        listener.close()
