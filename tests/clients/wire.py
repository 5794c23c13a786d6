"""What clients really send: every request that is not the admin API's, in its order."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_gateway.http.edge import Edge
from mcp_gateway.http.whole import WHOLE_EXCHANGE, DirectAnswers, WholeAnswer, WholeExchange

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
    """Keeps a record of what passes between clients and a gateway."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def around(self, edge: Edge) -> "WatchedEdge":
        """The gateway, watched."""
        return WatchedEdge(edge, self.seen)


class WatchedEdge:
    """The gateway as an ASGI application, with its direct answers; both are watched."""

    def __init__(self, edge: Edge, seen: list[Seen]) -> None:
        self._edge = edge
        self._seen = seen
        self.drain = edge.drain
        self.direct = None if edge.direct is None else WatchedDirect(edge.direct, seen)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self._edge(scope, receive, send)
            return
        # Now, as the edge takes the token out of the path.
        record, body = _recorder(scope, self._seen), bytearray()

        async def received() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                record(bytes(body), message["status"])
            await send(message)

        await self._edge(scope, received, sent)


class WatchedDirect:
    """The answers without ASGI."""

    def __init__(self, direct: DirectAnswers[Any], seen: list[Seen]) -> None:
        self.head = direct.head
        self.scope = direct.scope
        self._direct = direct
        self._seen = seen

    def answer(self, head: Any, body: bytes) -> WholeAnswer | ASGIApp:
        """See `DirectAnswers.answer`."""
        record = partial(_recorder(self._direct.scope(head), self._seen), body)
        answer = self._direct.answer(head, body)
        if isinstance(answer, WholeAnswer):
            record(answer.status)
            return answer

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    record(message["status"])
                await send(message)

            whole = scope["extensions"][WHOLE_EXCHANGE]
            scope["extensions"] = {WHOLE_EXCHANGE: _WatchedExchange(whole, record)}
            await answer(scope, receive, sent)

        return watched


class _WatchedExchange:
    """What passes by the messages: an answer in one piece."""

    def __init__(self, exchange: WholeExchange, record: Callable[[int], None]) -> None:
        self._exchange = exchange
        self._record = record

    def drop_rest(self) -> None:
        """See `WholeExchange.drop_rest`."""
        self._exchange.drop_rest()

    def answer(self, answer: WholeAnswer) -> bool:
        """See `WholeExchange.answer`."""
        is_sent = self._exchange.answer(answer)
        if is_sent:
            self._record(answer.status)
        return is_sent


def _recorder(scope: Scope, seen: list[Seen]) -> Callable[[bytes, int], None]:
    path = scope["path"]
    return lambda body, status: seen.append(_seen(scope, path, body, status))


def _seen(scope: Scope, path: str, body: bytes, status: int) -> Seen:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    try:
        message = json.loads(body or b"{}")
    except ValueError:
        message = {}
    rpc_method = str(message.get("method", "")) if isinstance(message, dict) else ""
    return Seen(scope["method"], path, rpc_method, headers.get(b"mcp-protocol-version", ""), status)
