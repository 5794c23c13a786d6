"""An integration's API over HTTP: one connection pool, one attempt, one deadline.

Built on pyqwest (Rust reqwest and hyper); why, and how retries, proxies and cancelling were settled, is in
docs/adr/0003-upstream-http-client.md.
"""

import asyncio
import re
import time
from dataclasses import dataclass

import pyqwest

from mcp_gateway.exceptions import FaultError
from mcp_gateway.models.upstream import UpstreamRequest, UpstreamResponse
from mcp_gateway.upstream.failures import TRANSPORT_ERRORS, broken, closed, from_transport, too_large, too_late
from mcp_gateway.upstream.headers import kept_headers, outgoing_headers

_IDLE_SECONDS = 30.0
"""Below the idle timeouts usual for load balancers (60 s), so that a pooled connection is rarely found dead."""

_FIRST_FINAL_STATUS = 200
_LENGTH = re.compile(r"[0-9]{1,19}")
_NO_CODING = frozenset({"", "identity"})


def _no_proxy() -> pyqwest.Proxy:
    """A proxy rule that no host matches.

    Any explicit rule stops reqwest from reading HTTP_PROXY and its relatives; `proxy=None` does not. `*` covers names
    only, so the two networks cover addresses. Port 9 is discard: were a host ever to match, it would fail, not leak.
    """
    return pyqwest.Proxy("http://127.0.0.1:9", no_proxy="*,0.0.0.0/0,::/0")


def _transport(connect_timeout_seconds: float, max_idle_connections: int, ca: bytes | None) -> pyqwest.HTTPTransport:
    return pyqwest.HTTPTransport(
        # Over HTTP/2 reqwest sends again after GOAWAY or REFUSED_STREAM; over HTTP/1.1 it has no such rule.
        http_version=pyqwest.HTTPVersion.HTTP1,
        proxy=_no_proxy(),
        tls_ca_cert=ca,
        tls_include_system_certs=True,
        connect_timeout=connect_timeout_seconds,
        pool_idle_timeout=_IDLE_SECONDS,
        pool_max_idle_per_host=max_idle_connections,
        # Decompression off: a small body must not become a large one here.
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
        use_system_dns=True,
        enable_cookie_store=False,
        follow_redirects=False,
        # Would add a `traceparent` of its own; ours says whose call it is.
        enable_otel=False,
    )


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

        Raises:
            ValueError: the base URL is not one.
            RuntimeError: no certificates could be loaded.
        """
        # Parsed once, so that comparing it with the parsed whole below tells if the target was rewritten.
        self._base = pyqwest.Request("GET", f"{base_url.rstrip('/')}/").url.rstrip("/")
        self._service = service
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._transport = _transport(connect_timeout_seconds, max_idle_connections, ca_certificates)

    async def send(self, request: UpstreamRequest, api_key: str, *, spent_seconds: float = 0.0) -> UpstreamResponse:
        """See `UpstreamClient.send`."""
        started = time.monotonic()
        outgoing = self._outgoing(request, api_key)
        left_seconds = self._timeout_seconds - spent_seconds
        if left_seconds <= 0:
            raise too_late(self._service.title)
        try:
            async with asyncio.timeout(left_seconds):
                status, headers, body = await self._exchange(outgoing)
        except TRANSPORT_ERRORS as exc:
            raise from_transport(exc, self._service.title) from exc
        return UpstreamResponse(status=status, headers=headers, body=body, seconds=time.monotonic() - started)

    async def aclose(self) -> None:
        """Closes idle connections; calls under way may finish, later ones fail as unreachable."""
        await self._transport.aclose()

    def _outgoing(self, request: UpstreamRequest, api_key: str) -> pyqwest.Request:
        headers = pyqwest.Headers(outgoing_headers(request, api_key, self._service.key_header).items())
        url = f"{self._base}{request.target}"
        try:
            outgoing = pyqwest.Request(request.method, url, headers=headers, content=request.body)
        except ValueError as exc:
            raise FaultError("The request cannot be written as HTTP.") from exc
        # The URL parser resolves dot segments, encodes spaces and drops newlines; a fragment never reaches the wire.
        if not request.target.startswith("/") or "#" in request.target or outgoing.url != url:
            raise FaultError("The request's target would not reach the wire as it was built.")
        return outgoing

    async def _exchange(self, outgoing: pyqwest.Request) -> tuple[int, dict[str, str], bytes]:
        try:
            pending = self._transport.execute(outgoing)
        except RuntimeError as exc:
            raise closed(self._service.title) from exc
        # Leaving the block closes the connection unless the body was read to its end, also when cancelled.
        async with await pending as response:
            length = self._readable_length(response)
            return response.status, kept_headers(response.headers.items()), await self._body(response, length)

    def _readable_length(self, response: pyqwest.Response) -> int | None:
        """The body's announced length, None if it ends otherwise; refuses what cannot be read."""
        if response.status < _FIRST_FINAL_STATUS:
            raise broken(f"{self._service.title} switched protocols, which was not asked for.")
        headers = response.headers
        if any(coding.strip().lower() not in _NO_CODING for coding in headers.getall("content-encoding")):
            raise broken(f"{self._service.title} sent a compressed answer although none was accepted.")
        # hyper enforces the length, but looks at it neither beside chunks nor where no body can follow (RFC 9112 §6.3).
        told = headers.get("content-length", "")
        if "transfer-encoding" in headers or not _LENGTH.fullmatch(told):
            return None
        length = int(told)
        if length > self._max_bytes:
            raise too_large(self._max_bytes, self._service.title)
        return length

    async def _body(self, response: pyqwest.Response, length: int | None) -> bytes:
        body = bytearray()
        async for chunk in response.content:
            if len(body) + len(chunk) > self._max_bytes:
                raise too_large(self._max_bytes, self._service.title)
            body += chunk
            if len(body) == length:
                break  # asking for the end as well costs another trip through the library's threads
        return bytes(body)
