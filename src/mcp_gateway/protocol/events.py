"""Server-sent events: how JSON-RPC messages travel on a stream.

Source: WHATWG HTML, Server-sent events; MCP 2026-07-28, Streamable HTTP / Receiving Messages.
"""

from mcp_gateway.protocol.reply import Header

MEDIA_TYPE = b"text/event-stream"

EVENT_STREAM_HEADERS: tuple[Header, ...] = (
    ("content-type", "text/event-stream"),
    # Proxies must neither compress nor collect what has to arrive now; nginx does the latter unless told not to.
    ("cache-control", "no-store, no-transform"),
    ("x-accel-buffering", "no"),
)

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment: no client sees it, and no proxy between takes the connection for idle."""


def event(data: bytes, name: bytes = b"message") -> bytes:
    """One event; `data` is JSON as our serialiser writes it, so without line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name, data)
