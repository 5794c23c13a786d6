"""What services need of an upstream, and nothing of how it is reached."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mcp_gateway.models.upstream import UpstreamRequest, UpstreamResponse

LastLook = Callable[[], Awaitable[None]]
"""Raises where the request must not be sent any more."""


class UpstreamClient(Protocol):
    """Sends one request with one account's key, exactly once."""

    async def send(
        self,
        request: UpstreamRequest,
        api_key: str,
        *,
        spent_seconds: float = 0.0,
        last_look: LastLook | None = None,
    ) -> UpstreamResponse:
        """The complete answer, whatever its status; cancelling the await drops the connection.

        `spent_seconds` of the deadline are gone already: all requests of one call share it. `last_look` is taken when a
        connection had to be made first, which may have been seconds; what it raises comes out, and nothing was sent.

        Raises:
            UpstreamError: no usable answer came; `sent` tells whether upstream may have acted.
            FaultError: the request or the key cannot be put on the wire as it is; nothing was sent.
        """
        ...
