"""Answers that take long: an event stream with keep-alives where the client takes one, and an eye on the client.

Most calls end before any of this begins: they cost one deadline, no task, and are answered in plain JSON.

Source: MCP 2026-07-28, Streamable HTTP / Receiving Messages (streams), Cancellation (closing the stream).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from starlette.types import Receive, Send

from mcp_gateway.http.bodies import ClientGoneError
from mcp_gateway.kit.deadlines import Deadlines
from mcp_gateway.protocol.events import EVENT_STREAM_HEADERS, KEEP_ALIVE, event
from mcp_gateway.protocol.progress import Notify
from mcp_gateway.protocol.reply import Reply

WATCH_AFTER_SECONDS = 0.1
"""From then on a client that goes away is noticed; a call that is quicker would have ended anyway."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a slow answer becomes a stream, and how often the stream is kept alive; seconds."""

    stream_after: float
    keep_alive: float


class PatientAnswer:
    """One answer on its way: to be asked for once, and sent once."""

    __slots__ = (
        *("_client_gone", "_may_stream", "_patience", "_receive", "_send"),
        *("_streams", "_task", "_turn", "_watcher"),
    )

    def __init__(self, receive: Receive, send: Send, patience: Patience, *, may_stream: bool) -> None:
        """`may_stream`: whether the client takes an event stream."""
        self._receive = receive
        self._send = send
        self._patience = patience
        self._may_stream = may_stream
        self._task: asyncio.Task[object]
        self._watcher: asyncio.Task[None] | None = None
        self._turn: asyncio.Lock | None = None
        self._streams = False
        self._client_gone = False

    async def of(self, answering: Callable[[Notify | None], Awaitable[Reply]]) -> Reply | None:
        """The answer, to be sent as it is; None when it went out on a stream.

        The caller's own task is cancelled when the client goes away, so what `answering` waits for ends at once.

        Raises:
            ClientGoneError: nobody is there to be answered.
        """
        loop = asyncio.get_running_loop()
        # Servers run an ASGI application in a task. Without the loop, asking for it would look for the loop once more.
        task = self._task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        deadlines = Deadlines.of(loop)
        deadline = deadlines.set(loop.time() + WATCH_AFTER_SECONDS, self._watch)
        try:
            reply = await answering(self._notify if self._may_stream else None)
            if not self._streams:
                return reply
            await self._finish(reply)
        except asyncio.CancelledError:
            if self._client_gone and not task.uncancel():
                raise ClientGoneError from None
            raise
        finally:
            deadlines.call_off(deadline)
            if self._watcher is not None:
                self._watcher.cancel()
                # It ends with an error whose traceback leads back here; in a circle both would stay for long.
                self._watcher = None
        return None

    def _watch(self) -> None:
        if not self._task.done():
            self._watcher = asyncio.create_task(self._attend())

    async def _attend(self) -> None:
        """Wait for the client to go; keep a stream alive meanwhile, once the call has outlasted a few seconds."""
        pause = self._patience.stream_after - WATCH_AFTER_SECONDS
        while True:
            try:
                async with asyncio.timeout(pause if self._may_stream else None):
                    message = await self._receive()
            except TimeoutError:
                await self._write(KEEP_ALIVE)
                pause = self._patience.keep_alive
                continue
            if message["type"] == "http.disconnect":
                self._client_gone = True
                self._task.cancel()
                return

    async def _notify(self, message: bytes) -> None:
        await self._write(event(message))

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            if self._client_gone:  # whatever is still reported while the call winds up (Cancellation)
                return
            if not self._streams:
                self._streams = True
                headers = [(name.encode(), value.encode()) for name, value in EVENT_STREAM_HEADERS]
                await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _finish(self, reply: Reply) -> None:
        """The answer as the stream's last event; its status and headers can no longer be sent."""
        await self._write(event(reply.body) if reply.body else b"", more=False)
