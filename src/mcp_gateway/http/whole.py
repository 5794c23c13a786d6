"""Requests that are there at once and answers that are complete: what nearly every exchange is.

An extension of ASGI between our own server protocol and our own endpoint. Where the server does not know it, everything
goes the usual way, in messages.
"""

from collections.abc import Sequence
from typing import Protocol

from starlette.types import Scope

WHOLE_EXCHANGE = "mcp_gateway.whole_exchange"
"""In `scope["extensions"]`: the server's side of it."""
TAKES_WHOLE_ANSWERS = "mcp_gateway.takes_whole_answers"
"""In the scope: nothing but the edge stands between an endpoint and the server."""
WHOLE_BODY = "mcp_gateway.whole_body"
"""In a message `http.response.start`: the body that would follow as the only one."""


class WholeExchange(Protocol):
    """What a server protocol offers for one request."""

    def body(self) -> bytes | None:
        """The request's body, taken out, where all of it has come already."""

    def drop_rest(self) -> None:
        """Let what is still on its way of the body come after the answer, for a while, and drop it.

        A connection that is closed on bytes nobody read is reset, and the answer is lost to who was still sending.
        """

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write a complete answer at once; False where it has to go the usual way, nothing being written then."""


def drop_rest(scope: Scope) -> None:
    """See `WholeExchange.drop_rest`; nothing where the server does not know it."""
    whole: WholeExchange | None = (scope.get("extensions") or {}).get(WHOLE_EXCHANGE)
    if whole is not None:
        whole.drop_rest()
