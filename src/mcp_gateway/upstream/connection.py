"""One HTTP/1.1 connection to an upstream: one request at a time, each answer read whole or not at all.

Parsing is llhttp's (through httptools); what is decided here is where an answer ends, what of it is kept, and whether
the connection may carry another request. Sources: RFC 9112 §6.3 (length), §9.3 (persistence), RFC 9110 §15.2 (1xx).
"""

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

from mcp_gateway.exceptions import UpstreamError
from mcp_gateway.kit.cork import Cork
from mcp_gateway.kit.deadlines import Deadlines
from mcp_gateway.upstream.failures import Failures
from mcp_gateway.upstream.headers import keep

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 128
_NO_CODING = frozenset({b"", b"identity"})
_BODILESS = frozenset({204, 304})
_FIRST_FINAL_STATUS = 200
_SWITCHED = 101


@dataclass(slots=True)
class Answer:
    """One answer while it comes in."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Those on the allow-list, lower-case, repeated ones joined."""
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    header_count: int = 0
    header_bytes: int = 0
    length: bytes | None = None
    """As announced; llhttp has refused what is no number."""
    is_chunked: bool = False

    @property
    def ends_with_connection(self) -> bool:
        """Nothing else tells its end."""
        return self.length is None and not self.is_chunked and self.status not in _BODILESS

    @property
    def body(self) -> bytes:
        """Of a complete answer."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


_NOTHING = Answer()


class UpstreamConnection(asyncio.Protocol):
    """A protocol of asyncio's; `exchange` is all that others call while it is in use."""

    def __init__(self, failures: Failures, max_bytes: int, on_lost: Callable[["UpstreamConnection"], None]) -> None:
        """`on_lost` is told when the connection is gone, also while it lies idle."""
        self._failures = failures
        self._max_bytes = max_bytes
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._cork = Cork.of(self._loop)
        self._deadlines = Deadlines.of(self._loop)
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        # RFC 9112 §6.3: beside chunks a length does not count. llhttp would refuse the pair.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)
        self._waiter: asyncio.Future[Answer] | None = None
        self._answer = _NOTHING
        self._has_head = False
        self._is_complete = False
        self._unread_head = 0
        self.is_usable = True
        """Whether another request may go out on it."""
        self.idle_since = 0.0
        """Loop time at which it was last put away."""

    async def exchange(self, request: bytes, deadline: float, *, at_once: bool = False) -> Answer:
        """Send one request and read its answer; cancelling closes the connection.

        Args:
            request: head and body as they go.
            deadline: loop time at which the answer must be complete.
            at_once: write it before anything else happens, and not with what else is written in this turn.

        Raises:
            UpstreamError: no complete answer; the connection is closed, and the request may have been carried out.
        """
        self._expect_head()
        waiter: asyncio.Future[Answer] = self._loop.create_future()
        self._waiter = waiter
        timer = self._deadlines.set(deadline, self._is_late)
        try:
            if at_once:
                self._transport.write(request)
            else:
                self._cork.write(self._transport, request)
            return await waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._deadlines.call_off(timer)
            self._waiter = None
            self._answer = _NOTHING  # an idle connection is small, however large its last answer was

    @property
    def is_quiet(self) -> bool:
        """Whether it is usable, and nothing came since its last answer, not even what the event loop has yet to read.

        An answer that nobody asked for would pass for the next request's, and of a write on a connection that the peer
        has closed nobody could tell what became of it.
        """
        return self.is_usable and not self._transport.is_closing() and not self._unread.poll(0)

    def now(self) -> float:
        """Loop time."""
        return self._loop.time()

    def rest(self) -> None:
        """Lie idle from now on."""
        self.idle_since = self._loop.time()

    def close(self) -> None:
        """End it in order, as an idle one is ended."""
        self.is_usable = False
        self._transport.close()

    def abort(self) -> None:
        """Drop it at once."""
        self.is_usable = False
        self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, TLS included."""
        self._transport = cast("asyncio.Transport", transport)
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Some bytes; any that nobody asked for make the connection useless."""
        if self._waiter is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail_with(self._failures.switched)
        except httptools.HttpParserError:
            if not self._is_complete:
                self._fail_with(self._failures.not_http)
            self.is_usable = False
        if not self._has_head:
            self._unread_head += len(data)
            if self._unread_head > MAX_HEAD_BYTES:
                self._fail_with(self._failures.not_http)
        if self._is_complete:
            self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: of an answer too, where nothing else tells its end."""
        self.is_usable = False
        self._on_lost(self)
        # The parser knows its connection: in a circle both would stay for long.
        del self._parser
        if self._waiter is None or self._waiter.done():
            return
        if exc is None and self._has_head and self._answer.ends_with_connection:
            self._waiter.set_result(self._answer)
        else:
            self._fail_with(self._failures.lost)

    # --- llhttp ---

    def on_message_begin(self) -> None:
        """A second one within the same bytes was not asked for."""
        if self._is_complete:
            self.is_usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head, or of what trails the chunks, which is dropped."""
        answer = self._answer
        answer.header_count += 1
        answer.header_bytes += len(name) + len(value)
        if answer.header_count > MAX_HEADERS or answer.header_bytes > MAX_HEAD_BYTES:
            self._fail_with(self._failures.not_http)
        if self._has_head or self._is_complete:
            return
        name = name.lower()
        if name == b"content-length":
            answer.length = value
        elif name == b"transfer-encoding":
            answer.is_chunked = True
        elif name == b"content-encoding":
            if any(coding.strip().lower() not in _NO_CODING for coding in value.split(b",")):
                self._fail_with(self._failures.compressed)
        else:
            keep(answer.headers, name, value)

    def on_headers_complete(self) -> None:
        """The head of an answer, or of one that is only in between."""
        if self._is_complete:
            return
        self._has_head = True
        answer = self._answer
        answer.status = self._parser.get_status_code()
        if answer.status == _SWITCHED or answer.status < 100:  # noqa: PLR2004 - RFC 9110 §15
            self._fail_with(self._failures.switched)
        elif answer.length is not None and not answer.is_chunked and int(answer.length) > self._max_bytes:
            self._fail_with(self._failures.too_large)
        # Known only here: once a message is complete, the parser has forgotten it.
        self.is_usable = self.is_usable and (self._parser.should_keep_alive() or answer.status < _FIRST_FINAL_STATUS)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._is_complete:
            return
        answer = self._answer
        answer.size += len(body)
        if answer.size > self._max_bytes:
            self._fail_with(self._failures.too_large)
        else:
            answer.parts.append(body)

    def on_message_complete(self) -> None:
        """The whole answer, unless it was a 1xx: those precede it."""
        if self._is_complete:
            return
        if self._answer.status < _FIRST_FINAL_STATUS:
            self._expect_head()
            return
        self._is_complete = True

    # --- ours ---

    def _expect_head(self) -> None:
        self._answer = Answer()
        self._has_head = self._is_complete = False
        self._unread_head = 0

    def _deliver(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._answer)

    def _is_late(self) -> None:
        self._fail_with(self._failures.unfinished)

    def _fail_with(self, failure: Callable[[], UpstreamError]) -> None:
        """The exchange has failed; whoever waits for it closes the connection."""
        self.is_usable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(failure())
