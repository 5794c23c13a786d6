"""An integration's API over HTTP/1.1: one connection pool, one attempt, one deadline.

Why this is ours, what it costs, and how retries, proxies and cancelling were settled: docs/adr/0009-own-http-client.md.
"""

import asyncio
import re
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp_gateway.exceptions import FaultError
from mcp_gateway.models.upstream import UpstreamRequest, UpstreamResponse
from mcp_gateway.upstream.addresses import ANY_ADDRESS, Addresses
from mcp_gateway.upstream.connection import UpstreamConnection
from mcp_gateway.upstream.failures import Failures
from mcp_gateway.upstream.headers import outgoing_headers
from mcp_gateway.upstream.pool import ConnectionPool, Origin
from mcp_gateway.upstream.port import LastLook

_TARGET = re.compile(r"/[A-Za-z0-9\-._~%!$&'()*+,;=:@/?\[\]|]*")
"""Path and query of RFC 3986 §3.3 and §3.4, `[`, `]` and `|` besides, which servers take: nothing a peer would mend."""
_DOT_SEGMENT = re.compile(r"[^?]*/(?:\.|%2[eE]){1,2}(?:[/?]|$)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Service:
    """Whose API it is, and how it is told the key."""

    title: str
    key_header: str
    """Name of the header that carries the key, in lower case."""


RICHPANEL = Service("Richpanel", "x-richpanel-key")


class IntegrationClient:
    """The `UpstreamClient` of production: sends each request once over a shared pool of HTTP/1.1 connections."""

    def __init__(
        self,
        *,
        base_url: str,
        connect_timeout_seconds: float,
        timeout_seconds: float,
        max_bytes: int,
        max_idle_connections: int,
        ca_certificates: bytes | None = None,
        service: Service = RICHPANEL,
        addresses: Addresses = ANY_ADDRESS,
    ) -> None:
        """Opens no connection yet.

        Args:
            service: whose API it is.
            base_url: `http(s)://host[:port][/path]`; a request's target is appended to it.
            connect_timeout_seconds: for name, TCP and TLS together.
            timeout_seconds: total, from the call to the last byte of the body.
            max_bytes: cap of one answer's body.
            max_idle_connections: kept open for reuse; connections in use are not limited.
            ca_certificates: PEM, trusted besides the system's.
            addresses: which ones the host's name leads to, and which of them may be connected to.

        Raises:
            ValueError: the base URL is not one.
            ssl.SSLError: the certificates cannot be read.
        """
        parts = urlsplit(base_url.rstrip("/"))
        scheme, host = parts.scheme.lower(), parts.hostname
        if scheme not in _DEFAULT_PORTS or not host:
            raise ValueError("an upstream's base URL is http(s)://host[:port][/path]")
        self._path = parts.path
        port = parts.port or _DEFAULT_PORTS[scheme]
        self._host = _host_header(host, port, is_default=port == _DEFAULT_PORTS[scheme])
        self._service = service
        self._timeout_seconds = timeout_seconds
        self._failures = Failures(service.title, max_bytes)
        self._pool = ConnectionPool(
            Origin(host, port, _tls(ca_certificates) if scheme == "https" else None),
            failures=self._failures,
            max_bytes=max_bytes,
            max_idle=max_idle_connections,
            connect_seconds=connect_timeout_seconds,
            addresses=addresses,
        )

    async def send(
        self,
        request: UpstreamRequest,
        api_key: str,
        *,
        spent_seconds: float = 0.0,
        last_look: LastLook | None = None,
    ) -> UpstreamResponse:
        """See `UpstreamClient.send`."""
        started = time.monotonic()
        outgoing = self._outgoing(request, api_key)
        left_seconds = self._timeout_seconds - spent_seconds
        if left_seconds <= 0:
            raise self._failures.too_late()
        connection = self._pool.take_idle()
        if connection is None:
            deadline = asyncio.get_running_loop().time() + left_seconds
            connection = await self._connected(deadline, last_look)
        else:
            deadline = connection.now() + left_seconds
        # A write leaves as soon as its connection was found to be quiet.
        answer = await connection.exchange(outgoing, deadline, at_once=request.is_write)
        self._pool.put_away(connection)
        return UpstreamResponse(
            status=answer.status, headers=answer.headers, body=answer.body, seconds=time.monotonic() - started
        )

    async def aclose(self) -> None:
        """Closes idle connections; calls under way may finish, later ones fail as unreachable."""
        self._pool.close()

    async def _connected(self, deadline: float, last_look: LastLook | None) -> UpstreamConnection:
        connection = await self._pool.connect(deadline)
        if last_look is not None:
            try:
                await last_look()
            except BaseException:
                self._pool.put_away(connection)
                raise
        return connection

    def _outgoing(self, request: UpstreamRequest, api_key: str) -> bytes:
        """The request as it goes.

        Raises:
            FaultError: it cannot be put on the wire as it is.
        """
        target = request.target
        if not _TARGET.fullmatch(target) or _DOT_SEGMENT.match(target):
            raise FaultError("The request's target would not reach upstream as it was built.")
        headers = outgoing_headers(request, api_key, self._service.key_header)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if lines.count("\r") + lines.count("\n") != 2 * len(headers):
            raise FaultError("The request cannot be written as HTTP.")
        try:
            head = f"{request.method} {self._path}{target} HTTP/1.1\r\nhost: {self._host}\r\n{lines}\r\n".encode(
                "ascii"
            )
        except UnicodeEncodeError as exc:
            raise FaultError("The request cannot be written as HTTP.") from exc
        return head if request.body is None else head + request.body


def _host_header(host: str, port: int, *, is_default: bool) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if is_default else f"{name}:{port}"


def _tls(ca_certificates: bytes | None) -> ssl.SSLContext:
    """Names and certificates are checked; HTTP/1.1 is the one protocol offered."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_certificates is not None:
        context.load_verify_locations(cadata=ca_certificates.decode("ascii"))
    return context
