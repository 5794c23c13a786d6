"""Runs uvicorn: one process that serves, or one that keeps several which do; either says `ready` exactly once."""

import asyncio
import gc
import logging
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from mcp_gateway.cli.wire import WatchfulProtocol
from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.http.whole import DirectAnswers

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which common load balancers drop an idle connection, so that they close first, not we."""
STALLED_SECONDS = 5.0
"""A peer that takes nothing for so long while the server stops does not hold it up any longer."""
STOP_TICK_SECONDS = 0.1
UNREAD_SECONDS = 30
"""A peer that takes nothing of what is sent to it for so long is cut off: it is gone, or holds memory for nothing."""

COLLECTION_THRESHOLDS = (10_000, 20, 100)
"""Of the garbage collector's three generations: calls make few cycles, and reference counting frees the rest."""

SPREADS_CONNECTIONS = sys.platform == "linux"
"""Elsewhere SO_REUSEPORT allows several sockets and gives every connection to one of them."""

Send = Callable[[dict[str, Any]], Any]


class StartGuard:
    """ASGI wrapper that keeps the error a lifespan fails with: uvicorn would print a traceback and forget it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.direct: DirectAnswers[Any] | None = getattr(app, "direct", None)
        """What the application offers the server protocol."""
        self.failure: BaseException | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Pass everything on; from a failing lifespan take the error, and the traceback out of its message."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def without_traceback(message: dict[str, Any]) -> None:
            await send({"type": message["type"]})

        try:
            await self._app(scope, receive, without_traceback)
        except asyncio.CancelledError:
            raise  # the end was forced: no failure to start
        except BaseException as exc:
            self.failure = exc
            raise

    def drain(self) -> None:
        """Tell the application that the server begins to stop, if it wants to know."""
        tell = getattr(self._app, "drain", None)
        if tell is not None:
            tell()


class _Stalled:
    """What a peer leaves unread, and since when."""

    def __init__(self) -> None:
        self._unread = 0
        self._since = time.monotonic()

    def seconds(self, transport: asyncio.WriteTransport) -> float:
        """For how long something has been waiting to be sent without any of it being taken."""
        unread = transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._since = time.monotonic()
        self._unread = unread
        return time.monotonic() - self._since


class GatewayServer(uvicorn.Server):
    """A server that tells when it accepts requests and when it stops, and ends when its lifeline does.

    The lifeline is a pipe of its parent process.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
        lifeline: int | None = None,
        *,
        stalled_seconds: float = STALLED_SECONDS,
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._lifeline = lifeline
        self._stalled_seconds = stalled_seconds
        self._signals: Counter[int] = Counter()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order; the second signal of a kind stops at once.

        Of a kind: Ctrl-C reaches a worker twice, from the terminal and, as SIGTERM, from its parent.
        """
        self._signals[sig] += 1
        if self._signals[sig] > 1:
            self.force_exit = True
            # A traceback for everything that is cancelled now would tell nobody anything.
            logging.getLogger("uvicorn.error").disabled = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        if self._lifeline is not None:
            asyncio.get_running_loop().add_reader(self._lifeline, self._end_with_parent)
        await super().startup(sockets=sockets)
        if self.started:
            _settle_memory()
            logging.getLogger("uvicorn.error").disabled = False
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell, then stop: the lifespan ends only after all connections, and an event stream is one that stays."""
        self._on_stop()
        clearing = asyncio.create_task(self._clear_away())
        try:
            await super().shutdown(sockets=sockets)
        finally:
            clearing.cancel()

    async def _clear_away(self) -> None:
        """Cut the connections of peers that take nothing; when forced, all of them."""
        watched: dict[Any, _Stalled] = {}
        while True:
            for connection in list(self.server_state.connections):
                transport: asyncio.Transport = connection.transport
                stalled = watched.setdefault(connection, _Stalled()).seconds(transport)
                if self.force_exit or stalled > self._stalled_seconds:
                    transport.abort()
            await asyncio.sleep(STOP_TICK_SECONDS)

    def _end_with_parent(self) -> None:
        if self._lifeline is not None:
            asyncio.get_running_loop().remove_reader(self._lifeline)
        self.should_exit = True


def _settle_memory() -> None:
    """Take what was built at start out of the garbage collector's sight, and let it look less often.

    A full collection walks every object that lives: catalog, schemas and modules, 150,000 of them. It found nothing and
    was what made one call in a hundred slow. The figures are in docs/performance.md.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


def bind(host: str, port: int, *, has_siblings: bool = False) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Args:
        host: name or address of this machine.
        port: 0 to 65535.
        has_siblings: whether `sibling` may be asked for more on the same port, where the system can do that.

    Raises:
        ConfigurationError: the address is taken or is none of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = _listening((host, port), family)
        if has_siblings and SPREADS_CONNECTIONS:
            # Bound alone first: a socket that allows siblings would join those of another gateway without a word.
            address = listener.getsockname()[:2]
            listener.close()
            listener = _listening(address, family, reuse_port=True)
    except (OSError, OverflowError) as exc:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {exc}") from exc
    return listener


def sibling(listener: socket.socket) -> socket.socket:
    """Another socket for the same address, with a queue of its own where the system spreads connections over them.

    Processes that accept from one queue take what they can get, and of a burst one of them gets nearly all.
    """
    if not (SPREADS_CONNECTIONS and listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)):
        return listener.dup()
    return _listening(listener.getsockname()[:2], listener.family, reuse_port=True)


def _listening(address: tuple[str, int], family: int, *, reuse_port: bool = False) -> socket.socket:
    listener = socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=reuse_port)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    return listener


def base_url(host: str, listener: socket.socket) -> str:
    """`http://HOST:PORT` with the real port."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def announce(url: str) -> None:
    """The one line that `dev`, tests and process managers wait for."""
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


def run_server(
    app: str, listener: socket.socket, *, grace_seconds: int, on_ready: Callable[[], None], lifeline: int | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, let running requests end within the grace, and return.

    Args:
        app: `module:factory` of the ASGI application.
        listener: bound socket.
        grace_seconds: how long requests that run may take to end.
        on_ready: called once, when requests are accepted.
        lifeline: descriptor that becomes readable when the parent process is gone.

    Raises:
        BaseException: whatever the application failed to start with, e.g. a ConfigurationError.
    """
    config = uvicorn.Config(
        app,
        factory=True,
        loop="uvloop",
        http=WatchfulProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
    config.load()
    guard = StartGuard(config.loaded_app)
    config.loaded_app = guard
    # A failed start is told once, by whoever catches the error, and not a second time by uvicorn.
    logging.getLogger("uvicorn.error").disabled = True
    ended: SystemExit | None = None
    try:
        GatewayServer(config, on_ready, guard.drain, lifeline).run(sockets=[listener])
    except SystemExit as exc:
        ended = exc
    failure = guard.failure or ended
    if failure is not None:
        raise failure
