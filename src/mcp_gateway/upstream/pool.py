"""Connections to one origin: made when needed, put away when idle, never shared by two requests at a time."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass

from mcp_gateway.upstream.addresses import Addresses
from mcp_gateway.upstream.connection import UpstreamConnection
from mcp_gateway.upstream.failures import Failures

IDLE_SECONDS = 30.0
"""Below the idle timeouts usual for load balancers (60 s), so that a connection put away is rarely found dead."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class ConnectionPool:
    """Hands out idle connections, the latest first, so that those no longer needed grow old."""

    def __init__(
        self,
        origin: Origin,
        *,
        failures: Failures,
        max_bytes: int,
        max_idle: int,
        connect_seconds: float,
        addresses: Addresses,
    ) -> None:
        self._addresses = addresses
        self._origin = origin
        self._failures = failures
        self._max_bytes = max_bytes
        self._max_idle = max_idle
        self._connect_seconds = connect_seconds
        self._idle: deque[UpstreamConnection] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def take_idle(self) -> UpstreamConnection | None:
        """A connection on which nothing has been heard since its last answer, or None."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet:
                return connection
            connection.abort()
        return None

    async def connect(self, deadline: float) -> UpstreamConnection:
        """A new connection, TLS included; name, TCP and TLS have the connect time-out together.

        Raises:
            UpstreamError: none could be made, or not before the deadline (loop time); nothing was sent.
        """
        if self._is_closed:
            raise self._failures.closed()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._connect_seconds
        try:
            async with asyncio.timeout_at(min(give_up, deadline)):
                return await self._connect(loop, min(give_up, deadline))
        except TimeoutError:
            raise (self._failures.too_late() if deadline < give_up else self._failures.unreachable()) from None
        except (OSError, UnicodeError) as exc:  # ssl.SSLError is an OSError; UnicodeError is a name no IDNA can hold
            raise self._failures.unreachable() from exc

    def put_away(self, connection: UpstreamConnection) -> None:
        """Keep it for the next request, if it can carry one and there is room."""
        if not connection.is_usable or self._is_closed or len(self._idle) >= self._max_idle:
            connection.close()
            return
        connection.rest()
        self._idle.append(connection)
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._reap)

    def close(self) -> None:
        """Close what is idle; connections in use are closed when they are put away."""
        self._is_closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._idle:
            self._idle.pop().close()

    async def _connect(self, loop: asyncio.AbstractEventLoop, give_up: float) -> UpstreamConnection:
        """The first of the name's addresses that answers; each is checked, and then connected to by number.

        Checking the name and connecting by name would leave it to a second look-up where the bytes go. An address that
        swallows everything has a share of the time only, so that the others get theirs.
        """
        origin = self._origin
        found = await self._addresses.look_up(origin.host, origin.port)
        allowed = [address for address in found if self._addresses.may_connect(address)]
        if not allowed:
            raise self._failures.forbidden()
        failure: OSError | None = None
        for number, address in enumerate(allowed):
            share = (give_up - loop.time()) / (len(allowed) - number)
            try:
                async with asyncio.timeout(share):
                    return await self._connect_to(loop, address)
            except OSError as exc:  # TimeoutError is one
                failure = exc
        raise failure or self._failures.unreachable()

    async def _connect_to(self, loop: asyncio.AbstractEventLoop, address: str) -> UpstreamConnection:
        tls, host = self._origin.tls, self._origin.host
        _, connection = await loop.create_connection(
            lambda: UpstreamConnection(self._failures, self._max_bytes, self._lost),
            address,
            self._origin.port,
            ssl=tls,
            server_hostname=host if tls else None,
        )
        return connection

    def _lost(self, connection: UpstreamConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def _reap(self) -> None:
        """Close those idle for long; they stand in the order in which they were put away."""
        loop = asyncio.get_running_loop()
        horizon = loop.time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since <= horizon:
            self._idle.popleft().close()
        self._reaper = loop.call_later(IDLE_SECONDS, self._reap) if self._idle else None
