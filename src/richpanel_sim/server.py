"""The simulator behind uvicorn, on a socket whose port is known before the first request."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from richpanel_sim.app import RichpanelSimulator


class LendingProtocol(HttpToolsProtocol):
    """Lends each connection's transport to the app (``scope["state"]["transport"]``), so that it can be broken."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start a connection; the state given to its requests carries the transport."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class SimulatorServer(uvicorn.Server):
    """A uvicorn server that says when it accepts requests.

    ``handle_signals`` false leaves SIGINT and SIGTERM to whoever owns the process, as tests need.
    """

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], *, handle_signals: bool) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._handle_signals = handle_signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then report."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGINT and SIGTERM where they are ours to take.

        Unlike uvicorn's own, this does not raise them again afterwards: being told to stop is a clean end.
        """
        signals = (signal.SIGINT, signal.SIGTERM) if self._handle_signals else ()
        previous = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket and the base URL (``http://HOST:PORT/v1``) that leads to it; port 0 takes any free one.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, as asyncio turns Nagle's delays off only where it is: 40 ms for every answer otherwise.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError:
        bound.close()
        raise
    name = f"[{host}]" if family == socket.AF_INET6 else host
    return bound, f"http://{name}:{bound.getsockname()[1]}/v1"


async def serve(
    app: RichpanelSimulator, bound: socket.socket, on_ready: Callable[[], None], *, handle_signals: bool = True
) -> None:
    """Serve ``app`` on a bound socket until a signal or cancellation; calls ``on_ready`` once it accepts requests."""
    await SimulatorServer(_config(app), on_ready, handle_signals=handle_signals).serve(sockets=[bound])


@asynccontextmanager
async def running(app: RichpanelSimulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve ``app`` on the running event loop for the length of the block, which gets the base URL."""
    bound, url = listen(host, port)
    ready = asyncio.Event()
    server = SimulatorServer(_config(app), ready.set, handle_signals=False)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await asyncio.wait({task, waiting := asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        yield url
    finally:
        server.should_exit = True
        await task
        bound.close()


def _config(app: RichpanelSimulator) -> uvicorn.Config:
    # Proxy headers would let a caller claim a loopback address; the wait for open requests is cut short on leaving.
    # The Date of an answer is the simulator's clock's, because some rate limits are told as a moment beside it.
    options: dict[str, Any] = {"proxy_headers": False, "server_header": False, "access_log": False, "log_config": None}
    options["date_header"] = False
    return uvicorn.Config(app, http=LendingProtocol, log_level="warning", timeout_graceful_shutdown=2, **options)
