"""What services need of an upstream, and nothing of how it is reached."""

from typing import Protocol

from mcp_gateway.models.upstream import UpstreamRequest, UpstreamResponse


class UpstreamClient(Protocol):
    """Sends one request with one account's key, exactly once."""

    async def send(self, request: UpstreamRequest, api_key: str, *, spent_seconds: float = 0.0) -> UpstreamResponse:
        """The complete answer, whatever its status; cancelling the await drops the connection.

        `spent_seconds` of the deadline are gone already: all requests of one call share it.

        Raises:
            UpstreamError: no usable answer came; `sent` tells whether upstream may have acted.
            FaultError: the request or the key cannot be put on the wire as it is; nothing was sent.
        """
        ...
