"""HTTP+SSE of 2024-11-05."""

from tests.requirements.row import MUST, SHOULD, Row

OLD = ("2024-11-05",)
PAGE = "2024-11-05, Transports / HTTP with SSE"

SSE = (
    Row("sse.endpoints", MUST, OLD, PAGE, "There is a URL to open a stream at and one to post messages to."),
    Row("sse.endpoint-event", MUST, OLD, PAGE, "The first event of a stream names the URL messages go to."),
    Row("sse.posts", MUST, OLD, PAGE, "Every message of the client comes as a POST to that URL, and gets a 202."),
    Row("sse.messages", MUST, OLD, PAGE, "The server's messages come as `message` events with JSON as their data."),
    Row("sse.own-stream", MUST, OLD, PAGE, "An answer goes out on the stream its request belongs to, and on no other."),
    Row("sse.origin", MUST, OLD, PAGE, "Origin is looked at on every connection, to either URL."),
    Row("sse.authentication", SHOULD, OLD, PAGE, "Neither URL answers a caller without a live token."),
    Row(
        "sse.any-replica",
        SHOULD,
        OLD,
        "Contract §5",
        "Any replica takes the message of a stream that another one holds.",
    ),
    Row(
        "sse.alongside",
        SHOULD,
        OLD,
        "Streamable HTTP / Backward Compatibility",
        "The old pair of URLs stands beside the endpoint and leaves it as it is.",
    ),
)
