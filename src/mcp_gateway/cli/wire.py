"""uvicorn's HTTP/1.1 protocol with what it leaves open: a watch on the client, and an end to heads without one.

uvicorn tells only the request that was parsed last of its client's going, and stops reading while one waits: the
running one would go on for nobody, and write to a closed connection. And it takes heads of any size, for as long as
they come.

Source of the statuses: RFC 6585 §5 (431), RFC 9110 §15.5.9 (408).
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.http.whole import WHOLE_EXCHANGE, DirectAnswers, WholeAnswer, field_lines
from mcp_gateway.kit.cork import Cork

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
_HEAD_END = b"\r\n\r\n"
_HEAD_FRAME_BYTES = len("  HTTP/1.1\r\n\r\n")
"""Of a head, beside its method, its target and its fields."""
_CHUNK_FRAME_BYTES = 64
"""More than a chunk's size, its extensions and its line ends have."""

_REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout",
    431: b"HTTP/1.1 431 Request Header Fields Too Large",
}


class _HeadTooLargeError(Exception):
    """Stops the parser."""


class _WholeExchange:
    """One request of uvicorn's, without a message for each part of its answer."""

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, cycle: RequestResponseCycle, protocol: "WatchfulProtocol") -> None:
        self._cycle: RequestResponseCycle | None = cycle
        self._protocol = protocol

    def end(self) -> None:
        """There is nothing more to be answered. The scope leads here: from here a circle would lead back to it."""
        self._cycle = None

    def drop_rest(self) -> None:
        """See `WholeExchange.drop_rest`."""
        cycle = self._cycle
        if cycle is not None and cycle.more_body and not cycle.waiting_for_100_continue:
            cycle.transport = cast("asyncio.Transport", _LingeringTransport(self._protocol))

    def answer(self, answer: WholeAnswer) -> bool:
        """See `WholeExchange.answer`."""
        cycle = self._cycle
        if cycle is None or cycle.disconnected:
            return True
        if cycle.flow.write_paused or cycle.response_started or cycle.scope["method"] == "HEAD":
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.keep_alive = cycle.keep_alive and CLOSE not in answer.fields
        self._protocol.write(answer, cycle.transport, is_last=not cycle.keep_alive)
        cycle.message_event.set()
        cycle.on_response()
        return True


_latest_defaults: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")


def _default_lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Those of uvicorn's own headers: a new list each second, for the date is among them."""
    global _latest_defaults  # noqa: PLW0603 - a copy of what is one per process, and only that
    known, lines = _latest_defaults
    if known is not headers:
        lines = field_lines(headers)
        _latest_defaults = (headers, lines)
    return lines


def _nothing() -> None:
    """Of a cycle that is over: it must not lead back to its connection."""


class _LingeringTransport:
    """What an answer is written to that ends its connection before its request was read."""

    __slots__ = ("_protocol", "write")

    def __init__(self, protocol: "WatchfulProtocol") -> None:
        self._protocol = protocol
        self.write = protocol.transport.write

    def close(self) -> None:
        self._protocol.linger()


class _KnownHead:
    """A head that was read on this connection, and what the application knows of it."""

    __slots__ = ("_length", "head", "known")

    def __init__(self, head: bytes, length: int, known: Any) -> None:
        self.head = head
        self._length = length
        self.known = known

    @classmethod
    def of(cls, known: Any, scope: dict[str, Any], data: bytes | None, body: bytes) -> "_KnownHead | None":
        """Where `data` is the request and nothing else, and its length is what its head says."""
        fields = dict(scope["headers"])
        is_plain = fields.get(b"content-length") == b"%d" % len(body) and b"transfer-encoding" not in fields
        if data is None or not is_plain or len(fields) != len(scope["headers"]):
            return None
        end = data.find(_HEAD_END) + len(_HEAD_END)
        # The parser skips line ends between requests; with some behind the body this would be no head.
        return cls(data[:end], len(data), known) if end == len(data) - len(body) else None

    def is_of(self, data: bytes) -> bool:
        """Whether `data` is one whole request with this head, to the byte.

        The parser would have nothing to add: it has judged the same bytes here before, and where their body ends.
        """
        return len(data) == self._length and data.startswith(self.head)


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
    """That came for a head which is not complete."""
    _read_bytes = 0
    """Of what is being read, those of complete heads and of bodies, about."""
    _is_head_too_large = False
    _head_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _dropped = 0
    _is_at_end = False
    """Whether nothing is read any more behind the request that runs."""
    _is_between = True
    """Whether the next byte is the first of a request."""
    _is_reading = False
    _begun = 0
    """How many requests began in what is being read."""
    _held: tuple[RequestResponseCycle, Any] | None = None
    """A request whose head has just been read, and the application it is for."""
    _whole: _WholeExchange | None = None
    """Of the request that runs."""
    _known: _KnownHead | None = None
    """Of the latest request that could be answered directly."""
    _idle_since = 0.0
    _cork: Cork

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._cork = Cork.of(self.loop)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Read; a request that has come whole may have its answer at once."""
        known = self._known
        if known is not None and self._is_between and self._is_free() and known.is_of(data):
            self._answer_known(known, data[len(known.head) :])
            return
        began_between, self._begun, self._read_bytes = self._is_between, 0, 0
        self._is_reading = True
        try:
            self._read(data)
        finally:
            self._is_reading = False
            held, self._held = self._held, None
        if held is not None:
            is_all = began_between and self._is_between and self._begun == 1
            self._begin(*held, data if is_all else None)

    def write(self, answer: WholeAnswer, transport: asyncio.Transport, *, is_last: bool) -> None:
        """A whole answer, and the end of the connection where it is the last one."""
        status, fields, body = answer
        head = STATUS_LINE[status] + _default_lines(self.server_state.default_headers) + fields
        if not is_last:
            self._cork.write(transport, b"%b\r\n%b" % (head, body))
            return
        if CLOSE not in fields:
            head += CLOSE
        self._cork.flush()
        transport.write(b"%b\r\n%b" % (head, body))
        transport.close()

    def _read(self, data: bytes) -> None:
        """Count what belongs to a head that is not complete yet."""
        if self._is_at_end:
            return
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
        self._unread_bytes += max(0, len(data) - self._read_bytes)
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._refuse(431)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_between = False
        self._begun += 1
        self._reads_head = True
        self._has_begun = True
        self._unread_bytes = 0

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._read_bytes += len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A piece of the body has a frame."""
        self._read_bytes += _CHUNK_FRAME_BYTES

    def on_message_complete(self) -> None:
        """The request has come whole."""
        super().on_message_complete()
        self._is_between = True

    def send_400_response(self, msg: str) -> None:
        """Tell a head that is too large from one that cannot be read."""
        if self._is_head_too_large:
            self._refuse(431)
        elif not self._ends_with_running():
            self._cork.flush()
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that runs; those that wait are never started."""
        self._unset_head_timer()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        if self._whole is not None:
            self._whole.end()
        self._known = None

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
        self._read_bytes += self._head_bytes()
        self._reads_head = False
        self._unset_head_timer()
        super().on_headers_complete()
        if 0 < len(self.pipeline) <= MAX_PIPELINED and self.flow is not None:
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Nothing is closed on an answer that is still to be written."""
        self._cork.flush()
        super().shutdown()

    def on_response_complete(self) -> None:
        """Begin what waits behind, or begin to count idle time: one timer a connection, not one a request."""
        if self._whole is not None:
            self._whole.end()
            self._whole = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            # In a turn of its own: any number of them may wait, each may be answered at once, and what the one before
            # has left to be written is to count by then. No failure of its is that one's, either.
            cycle, app = self.pipeline.pop()
            self._running = cycle
            self.loop.call_soon(self._begin_waiting, cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._set_idle_timer(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long; one that is not, will be looked at again."""
        self.timeout_keep_alive_task = None
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if not self._is_free() or self._head_timer is not None:
            left = max(left, 1.0)  # it is no matter of idle time now
        if left > 0:
            self._set_idle_timer(left)
        elif not self.transport.is_closing():
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        """Nothing: the timer sees for itself."""

    def _set_idle_timer(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _is_free(self) -> bool:
        """Whether no request runs or waits."""
        cycle: RequestResponseCycle | None = self.cycle
        return (cycle is None or cycle.response_complete) and not self._is_at_end

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        if self._is_reading:
            self._held = (cycle, app)  # until it is known whether its body has come along
        else:
            self._begin(cycle, app, None)

    def _begin_waiting(self, cycle: RequestResponseCycle, app: Any) -> None:
        try:
            self._begin(cycle, app, None)
        except BaseException:
            # A bug, which the loop logs. As for a request that did not have to wait, it ends the connection.
            self._cork.flush()
            self.transport.close()
            raise

    def _begin(self, cycle: RequestResponseCycle, app: Any, data: bytes | None) -> None:
        """Answer a request or start the task that does; `data`, if given, is this request and nothing else."""
        if cycle.disconnected:
            return
        direct: DirectAnswers[Any] | None = getattr(app, "direct", None)
        is_whole = not cycle.more_body and not cycle.waiting_for_100_continue and len(cycle.body) <= MAX_REQUEST_BYTES
        scope = cast("dict[str, Any]", cycle.scope)
        known = direct.head(scope) if direct is not None and is_whole and cycle.keep_alive else None
        if direct is None or known is None:
            self._run(cycle, app)
            return
        body = bytes(cycle.body)
        self._known = _KnownHead.of(known, scope, data, body)
        answer = direct.answer(known, body)
        if not isinstance(answer, WholeAnswer):
            cycle.scope = cast("Any", direct.scope(known))
            self._run(cycle, answer)
        elif not _WholeExchange(cycle, self).answer(answer):
            self._run(cycle, answer.send)
        else:
            cycle.on_response = _nothing

    def _answer_known(self, known: "_KnownHead", body: bytes) -> None:
        """Answer a request the parser has not seen."""
        direct: DirectAnswers[Any] = cast("Any", self.app).direct
        answer = direct.answer(known.known, body)
        if isinstance(answer, WholeAnswer) and not self.flow.write_paused:
            self.write(answer, self.transport, is_last=False)
            self.on_response_complete()
            return
        cycle = self.cycle = RequestResponseCycle(
            scope=cast("Any", direct.scope(known.known)),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
        self._running = cycle
        self._run(cycle, answer.send if isinstance(answer, WholeAnswer) else answer)

    def _run(self, cycle: RequestResponseCycle, app: Any) -> None:
        whole = self._whole = _WholeExchange(cycle, self)
        cast("dict[str, Any]", cycle.scope)["extensions"] = {WHOLE_EXCHANGE: whole}
        super()._start_asgi_task(cycle, app)

    def _check_size(self) -> None:
        """Refuse a head that is too large; the fields are counted where there is reason to."""
        is_long = self._most_bytes > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES
        if is_long or len(self.headers) > MAX_FIELDS:
            self._is_head_too_large = True
            raise _HeadTooLargeError

    def _head_bytes(self) -> int:
        fields = sum([len(name) + len(value) + 4 for name, value in self.headers])
        return len(self.parser.get_method()) + len(self.url) + fields + _HEAD_FRAME_BYTES

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
        if not self.transport.is_closing() and not self._ends_with_running():
            self._cork.flush()
            self.transport.write(_REFUSALS[status] + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def _ends_with_running(self) -> bool:
        """Whether a request runs, which was read whole: then its answer is the last, and nobody else's is told first.

        A refusal in its place would say of a write that is under way that it was not even understood.
        """
        running = self._running
        if running is None or running.response_complete or running.more_body:
            return False
        self._is_at_end = True
        self.pipeline.clear()
        running.keep_alive = False
        return True
