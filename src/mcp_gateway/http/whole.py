"""Requests that are there at once and answers that are complete: what nearly every exchange is.

Two agreements between our own server protocol and our own application, beside ASGI. Where the server does not know
them, everything goes the usual way, in messages.
"""

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

WHOLE_EXCHANGE = "mcp_gateway.whole_exchange"
"""In `scope["extensions"]`: the server's side of one request."""

Head = TypeVar("Head")
"""What an application remembers of a request's head."""


class WholeExchange(Protocol):
    """What a server protocol offers for one request."""

    def drop_rest(self) -> None:
        """Let what is still on its way of the body come after the answer, for a while, and drop it.

        A connection that is closed on bytes nobody read is reset, and the answer is lost to who was still sending.
        """

    def answer(self, answer: "WholeAnswer") -> bool:
        """Write a complete answer at once; False where it has to go the usual way, nothing being written then."""


class WholeAnswer(NamedTuple):
    """One HTTP answer."""

    status: int
    fields: bytes
    """The lines of its header, as `field_lines` makes them."""
    body: bytes

    async def send(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """It as an ASGI application, for where it cannot be written at once."""
        headers = [tuple(line.split(b": ", 1)) for line in self.fields.splitlines()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class DirectAnswers(Protocol, Generic[Head]):
    """What an application offers for requests that have come whole: answers without a task and without ASGI."""

    def head(self, scope: Scope) -> Head | None:
        """What there is to know of a request before its body; None where it has to go the usual way.

        It may be used again for a request of the same connection whose head is the same to the byte.
        """

    def answer(self, head: Head, body: bytes) -> WholeAnswer | ASGIApp:
        """The answer; or the application to be run for it, with a scope that `scope` gave."""

    def scope(self, head: Head) -> Scope:
        """A scope for one request with such a head."""


class FieldError(RuntimeError):
    """A header holds what would end it."""


def field_lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The lines of a header.

    Raises:
        FieldError: a name or value would end its line.
    """
    lines = b"".join([b"%b: %b\r\n" % field for field in headers])
    check_field_lines(lines, len(headers))
    return lines


def check_field_lines(lines: bytes, count: int) -> None:
    """See that they are so many lines.

    Raises:
        FieldError: they are not.
    """
    if lines.count(b"\r") != count or lines.count(b"\n") != count or b"\0" in lines:
        raise FieldError("Invalid HTTP header.")


def drop_rest(scope: Scope) -> None:
    """See `WholeExchange.drop_rest`; nothing where the server does not know it."""
    whole: WholeExchange | None = (scope.get("extensions") or {}).get(WHOLE_EXCHANGE)
    if whole is not None:
        whole.drop_rest()
