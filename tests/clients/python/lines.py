"""Orders on standard input, answers on standard output, one JSON object a line; standard library only.

`{"op": "connect", "url": …, "headers": {…}}`, `{"op": "list"}`, `{"op": "call", "name": …, "arguments": {…}}`,
`{"op": "close"}`; answered by `{"ok": true, …}` or `{"ok": false, "error": what an application could read}`.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any, Protocol


class Session(Protocol):
    """One connection of the library that is driven."""

    async def tool_names(self) -> list[str]:
        """What `tools/list` gives."""

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """`{"isError": bool, "text": all text blocks, "structured": object or null}`."""


Opened = Callable[[str, dict[str, str]], contextlib.AbstractAsyncContextManager[Session]]


class Orders:
    """Reads orders and answers each exactly once."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.is_open = False
        """Whether an order waits for its answer."""

    async def next(self) -> dict[str, Any] | None:
        """The next order; None at the end of the input."""
        line = await self._reader.readline()
        self.is_open = bool(line)
        order: dict[str, Any] | None = json.loads(line) if line else None
        return order

    def answer(self, *, ok: bool = True, **more: Any) -> None:
        """Answer the order that waits."""
        self.is_open = False
        sys.stdout.write(json.dumps({"ok": ok, **more}) + "\n")
        sys.stdout.flush()


def serve(opened: Opened) -> None:
    """Obey until the input ends; `connect` enters `opened(url, headers)` and `close` leaves it."""
    asyncio.run(_serve(opened))


async def _serve(opened: Opened) -> None:
    # Not a thread that reads: a library that ends a session cancels whoever waits in it, and a thread would then
    # swallow the order that comes next.
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = Orders(reader)
    while order := await orders.next():
        if order["op"] != "connect":
            orders.answer(ok=False, error="there is no session")
            continue
        try:
            async with opened(order["url"], order["headers"]) as session:
                orders.answer()
                await _session(session, orders)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
            # A session may also end between two orders; then the next one hears of it.
            if not orders.is_open and await orders.next() is None:
                return
            orders.answer(ok=False, error=_text(exc))
        else:
            orders.answer()


async def _session(session: Session, orders: Orders) -> None:
    """Until `close`, whose answer comes when the connection has been left."""
    while (order := await orders.next()) and order["op"] != "close":
        try:
            if order["op"] == "list":
                orders.answer(tools=await session.tool_names())
            else:
                orders.answer(**await session.call(order["name"], order["arguments"]))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
            orders.answer(ok=False, error=_text(exc))


def _text(exc: BaseException) -> str:
    """Type and message, and those of every member of a group."""
    if isinstance(exc, BaseExceptionGroup):
        return f"{type(exc).__name__}({', '.join(_text(one) for one in exc.exceptions)})"
    return f"{type(exc).__name__}: {exc}"
