"""uvicorn's HTTP/1.1 protocol, so that a request hears of its client's going also when another waits behind it.

uvicorn tells only the request that was parsed last, and stops reading while one waits: the running one would go on for
nobody, and write to a closed connection.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_PIPELINED = 8
"""Requests that may wait behind one on a connection before reading stops, and with it the watch on the client."""


class WatchfulProtocol(HttpToolsProtocol):
    """One connection."""

    _running: RequestResponseCycle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that runs; those that wait are never started."""
        super().connection_lost(exc)
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()

    def on_headers_complete(self) -> None:
        """Go on reading behind a request that runs, up to a number of them."""
        super().on_headers_complete()
        if 0 < len(self.pipeline) <= MAX_PIPELINED and self.flow is not None:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)
