"""HTTP+SSE of 2024-11-05: the first event of a stream, and what a posted body must be before it is accepted.

Source: MCP 2024-11-05, Transports / HTTP with SSE; WHATWG HTML, Server-sent events / Parsing an event stream.
"""

from mcp_gateway.protocol.envelope import check_limits, loads, readable_id
from mcp_gateway.protocol.errors import ProtocolError
from mcp_gateway.protocol.events import event
from mcp_gateway.protocol.reply import Reply, error_reply


def endpoint_event(path: str) -> bytes:
    """The first event: where messages are posted, as a reference to resolve against the stream's own URL."""
    return event(path.encode(), b"endpoint")


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
