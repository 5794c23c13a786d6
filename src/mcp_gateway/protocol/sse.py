"""HTTP+SSE of 2024-11-05: the events of a stream as bytes, and what a posted body must be before it is accepted.

Source: MCP 2024-11-05, Transports / HTTP with SSE; WHATWG HTML, Server-sent events / Parsing an event stream.
"""

from mcp_gateway.protocol.envelope import check_limits, loads, readable_id
from mcp_gateway.protocol.errors import ProtocolError
from mcp_gateway.protocol.reply import Reply, error_reply

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment: no event, but bytes that keep proxies from closing a silent connection."""


def endpoint_event(path: str) -> bytes:
    """The first event: where messages are posted, as a reference to resolve against the stream's own URL."""
    return b"event: endpoint\ndata: %b\n\n" % path.encode()


def message_event(message: bytes) -> bytes:
    """One message from the server. JSON as it is written here has no line breaks, which would end the data."""
    return b"event: message\ndata: %b\n\n" % message


def body_refusal(body: bytes) -> Reply | None:
    """The answer to a body that cannot be read or is over a limit, or None: it is accepted and answered later.

    What can be read but is no proper request is answered on the stream, as its sender waits for it there.
    """
    message = None
    try:
        message = loads(body)
        check_limits(body, message)
    except ProtocolError as error:
        return error_reply(400, error.code, error.message, readable_id(message))
    return None
