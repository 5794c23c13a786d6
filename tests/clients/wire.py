"""What clients really send: every request that is not the admin API's, in its order."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_gateway.http.whole import WHOLE_EXCHANGE, WholeExchange

ADMIN = ("/tenant", "/api-token", "/integrated-account")


@dataclass(frozen=True)
class Seen:
    """One request and the status of its answer."""

    http_method: str
    path: str
    """As it came, token and all; the servers are made for one step."""
    rpc_method: str
    """Empty when the body is no JSON-RPC request."""
    version: str
    """The value of `MCP-Protocol-Version`; empty without the header."""
    status: int

    def __str__(self) -> str:
        said = " ".join(part for part in (self.rpc_method, self.version) if part)
        return f"{self.http_method} {self.path} {said} -> {self.status}".replace("  ", " ")


class Wire:
    """ASGI application around the gateway that keeps a record."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def around(self, app: ASGIApp) -> ASGIApp:
        """The gateway, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"].startswith(ADMIN):
                await app(scope, receive, send)
                return
            # Now, as the edge takes the token out of the path.
            path, body = scope["path"], bytearray()

            async def received() -> Message:
                message = await receive()
                body.extend(message.get("body", b""))
                return message

            def answered(status: int) -> None:
                self.seen.append(_seen(scope, path, bytes(body), status))

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered(message["status"])
                await send(message)

            extensions = scope.get("extensions") or {}
            if WHOLE_EXCHANGE in extensions:
                exchange = _WatchedExchange(extensions[WHOLE_EXCHANGE], body, answered)
                scope["extensions"] = extensions | {WHOLE_EXCHANGE: exchange}
            await app(scope, received, sent)

        return watched


class _WatchedExchange(WholeExchange):
    """What passes by the messages: a body and an answer in one piece each."""

    def __init__(self, exchange: WholeExchange, read: bytearray, answered: Callable[[int], None]) -> None:
        self._exchange = exchange
        self._read = read
        self._answered = answered

    def body(self) -> bytes | None:
        """See `WholeExchange.body`."""
        body = self._exchange.body()
        self._read.extend(body or b"")
        return body

    def drop_rest(self) -> None:
        """See `WholeExchange.drop_rest`."""
        self._exchange.drop_rest()

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """See `WholeExchange.answer`."""
        is_sent = self._exchange.answer(status, headers, body)
        if is_sent:
            self._answered(status)
        return is_sent


def _seen(scope: Scope, path: str, body: bytes, status: int) -> Seen:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    try:
        message = json.loads(body or b"{}")
    except ValueError:
        message = {}
    rpc_method = str(message.get("method", "")) if isinstance(message, dict) else ""
    return Seen(scope["method"], path, rpc_method, headers.get(b"mcp-protocol-version", ""), status)
