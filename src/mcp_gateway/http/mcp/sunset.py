"""The `Sunset` header: an MCP URL says in each answer of its last day when it will be gone.

Source: RFC 8594 §3. The value is an HTTP date, so whole seconds; `_meta` of results has the instant itself.
"""

from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.types import Message, Send

from mcp_gateway.kit.clock import Clock
from mcp_gateway.services.expiry import ends_soon


def with_sunset(send: Send, expires_at: datetime | None, clock: Clock) -> Send:
    """A `send` that adds the header; the same `send` where there is nothing to say, as nearly always."""
    if expires_at is None or not ends_soon(expires_at, clock):
        return send
    header = (b"sunset", format_datetime(expires_at.astimezone(UTC), usegmt=True).encode())

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), header]
        await send(message)

    return dressed
