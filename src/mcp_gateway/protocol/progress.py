"""Progress of one call, told on its answer's event stream.

Source: MCP 2026-07-28, Progress; the notification is the same in every revision, but `message` came with 2025-03-26.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from mcp_gateway.protocol.envelope import MAX_ID_LENGTH
from mcp_gateway.protocol.errors import INVALID_PARAMS, ProtocolError

Notify = Callable[[bytes], Awaitable[None]]
"""Sends one JSON-RPC notification ahead of the answer, if the client can be told so at all."""

ProgressToken = str | int
_KEY = "progressToken"


def progress_token(meta: dict[str, Any]) -> ProgressToken | None:
    """The token a client wants to hear about the call by; null is an absent one, as some serialisers write it.

    Raises:
        ProtocolError: invalid params (-32602).
    """
    token: ProgressToken | None = meta.get(_KEY)
    is_long = isinstance(token, str) and len(token) > MAX_ID_LENGTH
    if token is not None and (type(token) not in {str, int} or is_long):  # not isinstance: True is an int
        raise ProtocolError(
            INVALID_PARAMS, f'"{_KEY}" must be an integer or a string of at most {MAX_ID_LENGTH} characters.'
        )
    return token


class Progress:
    """Where a tool reports how far it is; nothing is sent unless the client asked and can be told."""

    __slots__ = ("_ended", "_last", "_notify", "_token")

    def __init__(self, token: ProgressToken | None, notify: Notify | None) -> None:
        self._token = token
        self._notify = notify
        self._last: float | None = None
        self._ended = False

    @property
    def is_wanted(self) -> bool:
        """Whether a report would reach anybody."""
        return self._token is not None and self._notify is not None and not self._ended

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Tell the client; a value that does not rise is not told, since it must (Progress / Progress Flow)."""
        if self._notify is None or not self.is_wanted or (self._last is not None and progress <= self._last):
            return
        self._last = progress
        params: dict[str, Any] = {"progressToken": self._token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None:
            params["message"] = message
        await self._notify(orjson.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))

    def end(self) -> None:
        """Nothing is told once the call has its answer."""
        self._ended = True


NO_PROGRESS = Progress(None, None)
"""For a call nobody wants to hear about."""
