"""uvicorn's HTTP/1.1 protocol with what it leaves open: a watch on the client, and an end to heads without one.

uvicorn tells only the request that was parsed last of its client's going, and stops reading while one waits: the
running one would go on for nobody, and write to a closed connection. And it takes heads of any size, for as long as
they come.

Source of the statuses: RFC 6585 §5 (431), RFC 9110 §15.5.9 (408).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mcp_gateway.http.whole import WHOLE_EXCHANGE

MAX_PIPELINED = 8
"""Requests that may wait behind one on a connection before reading stops, and with it the watch on the client."""


MAX_HEAD_BYTES = 32 * 1024
"""Request line and fields together; a URL with a token, cookies of a proxy and trace headers are a tenth of it."""
MAX_FIELDS = 128
HEAD_SECONDS = 10.0
"""From the connection, or from a head's first byte, to its last."""

LINGER_SECONDS = 5.0
LINGER_BYTES = 32 * 1024 * 1024
"""How long, and for how much, what nobody reads any more is let come after an answer."""

CLOSE = b"connection: close\r\n"

_REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout",
    431: b"HTTP/1.1 431 Request Header Fields Too Large",
}


class _HeadTooLargeError(Exception):
    """Stops the parser."""


class _WholeExchange:
    """One request of uvicorn's, without a message for each part of it."""

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, cycle: RequestResponseCycle, protocol: "WatchfulProtocol") -> None:
        self._cycle = cycle
        self._protocol = protocol

    def body(self) -> bytes | None:
        """See `WholeExchange.body`."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        cycle.flow.resume_reading()
        return body

    def drop_rest(self) -> None:
        """See `WholeExchange.drop_rest`."""
        cycle = self._cycle
        if cycle.more_body and not cycle.waiting_for_100_continue:
            cycle.transport = cast("asyncio.Transport", _LingeringTransport(self._protocol))

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """See `WholeExchange.answer`.

        Raises:
            RuntimeError: a header holds what would end it.
        """
        cycle = self._cycle
        if cycle.flow.write_paused or cycle.response_started or cycle.scope["method"] == "HEAD":
            return False
        if cycle.disconnected:
            return True
        lines = b"".join([b"%b: %b\r\n" % field for field in (*cycle.default_headers, *headers)])
        fields = len(cycle.default_headers) + len(headers)
        if lines.count(b"\r") != fields or lines.count(b"\n") != fields or b"\0" in lines:
            raise RuntimeError("Invalid HTTP header.")
        cycle.response_started = cycle.response_complete = True
        if CLOSE in lines:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            lines += CLOSE
        cycle.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], lines, body))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


class _LingeringTransport:
    """What an answer is written to that ends its connection before its request was read."""

    __slots__ = ("_protocol", "write")

    def __init__(self, protocol: "WatchfulProtocol") -> None:
        self._protocol = protocol
        self.write = protocol.transport.write

    def close(self) -> None:
        self._protocol.linger()


class WatchfulProtocol(HttpToolsProtocol):
    """One connection."""

    _running: RequestResponseCycle | None = None
    _reads_head = True
    """Whether the next byte belongs to a head, or is a connection's first."""
    _has_begun = False
    """Whether any byte of a request has come."""
    _most_bytes = 0
    """Of all that came while the present head was read: it cannot be longer."""
    _unread_bytes = 0
    """That came for the head after its first piece."""
    _is_head_too_large = False
    _head_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _dropped = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not complete yet."""
        if self._linger_timer is not None:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES:
                self.transport.close()
            return
        goes_on = self._reads_head
        self._most_bytes = self._most_bytes + len(data) if goes_on else len(data)
        super().data_received(data)
        if not self._reads_head or self.transport.is_closing():
            return
        # Of one long field nothing is told before its end, so what comes meanwhile is counted as it comes.
        self._unread_bytes += len(data) if goes_on else 0
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._refuse(431)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._reads_head = True
        self._has_begun = True
        self._unread_bytes = 0

    def send_400_response(self, msg: str) -> None:
        """Tell a head that is too large from one that cannot be read."""
        if self._is_head_too_large:
            self._refuse(431)
        else:
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that runs; those that wait are never started."""
        self._unset_head_timer()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        super().connection_lost(exc)
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()

    def linger(self) -> None:
        """Say that nothing more comes, and wait for the peer to have sent what it is sending, or for it to go."""
        if self.transport.is_closing() or self._linger_timer is not None:
            return
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        self.transport.write_eof()
        self.flow.resume_reading()

    def on_headers_complete(self) -> None:
        """Look at the head's size, and go on reading behind a request that runs, up to a number of them.

        Until here a head takes no more memory than what was read at once.
        """
        self._check_size()
        self._reads_head = False
        self._unset_head_timer()
        super().on_headers_complete()
        if 0 < len(self.pipeline) <= MAX_PIPELINED and self.flow is not None:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cast("dict[str, Any]", cycle.scope)["extensions"] = {WHOLE_EXCHANGE: _WholeExchange(cycle, self)}
        super()._start_asgi_task(cycle, app)

    def _check_size(self) -> None:
        """Refuse a head that is too large; the fields are counted where there is reason to."""
        is_long = self._most_bytes > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES
        if is_long or len(self.headers) > MAX_FIELDS:
            self._is_head_too_large = True
            raise _HeadTooLargeError

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._running is not None and not self._running.response_complete:
            # Behind a running request the rest may not have been read yet.
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)
        elif self._has_begun:
            self._refuse(408)
        else:
            self.transport.close()

    def _unset_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int) -> None:
        """Answer without a body and close; nothing of what follows is read."""
        self._unset_head_timer()
        if not self.transport.is_closing():
            self.transport.write(_REFUSALS[status] + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
