"""Reads request bodies with a cap that is counted while they stream in."""

import asyncio

from starlette.types import Message, Receive, Scope

from mcp_gateway.exceptions import MalformedRequestError, PayloadTooLargeError

BODY_SECONDS = 30.0
"""A client that needs longer to send its body is not one of ours."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


def check_declared_length(scope: Scope, limit: int) -> None:
    """Refuse by `Content-Length` what is over the limit anyway, before any of it is sent.

    Raises:
        PayloadTooLargeError: more than `limit` bytes are announced.
    """
    declared = [value for name, value in scope["headers"] if name == b"content-length"]
    # The server has refused anything but digits already; a chunked body has no length.
    if declared and declared[0].isdigit() and int(declared[0]) > limit:
        raise PayloadTooLargeError(f"the body is over the limit of {limit} bytes")


async def read_body(receive: Receive, limit: int, *, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLargeError: more than `limit` bytes; nothing further is read.
        MalformedRequestError: it trickled in for too long.
        ClientGoneError: nobody is there to be answered.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGoneError
                chunk = message.get("body", b"")
                more = message.get("more_body", False)
                size += len(chunk)
                if size > limit:
                    raise PayloadTooLargeError(f"the body is over the limit of {limit} bytes")
                chunks.append(chunk)
    except TimeoutError as exc:
        raise MalformedRequestError(f"the body did not arrive within {seconds:g} seconds") from exc
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, and then whatever follows."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
