"""An HTTP+SSE client as plain as the transport: one stream, its events in order, and posts to where it says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from tests.support.gateways import Gateway

LIMIT_SECONDS = 5
"""Bound on every wait; a wait that needs it has failed."""


@dataclass(frozen=True)
class Event:
    name: str
    data: str


class EventStream:
    """One open stream."""

    def __init__(self, response: httpx.Response, gateway: Gateway) -> None:
        self._lines = response.aiter_lines()
        self._gateway = gateway
        self.response = response
        self.path = ""
        """Where messages go, as the stream told."""
        self.comments = 0

    async def event(self) -> Event | None:
        """The next event; None when the stream ended in order (httpx raises when it was cut)."""
        name, data = "", ""
        async with asyncio.timeout(LIMIT_SECONDS):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                match field:
                    case "event":
                        name = value
                    case "data":
                        data += value
                    case "" if name:
                        return Event(name, data)
                    case "":
                        self.comments += bool(value)
        return None

    async def message(self) -> dict[str, Any]:
        """The next message."""
        event = await self.event()
        assert event is not None
        assert event.name == "message"
        message: dict[str, Any] = orjson.loads(event.data)
        return message

    async def ended(self) -> bool:
        """Whether nothing comes any more but the end."""
        return await self.event() is None

    async def post(self, message: Any, *, via: Gateway | None = None, **headers: str) -> httpx.Response:
        """Post a message, to another replica if given."""
        gateway = via or self._gateway
        content = message if isinstance(message, bytes) else orjson.dumps(message)
        headers = {"content-type": "application/json", **headers}
        return await gateway.client.post(gateway.url + self.path, content=content, headers=headers)

    async def ask(
        self, method: str, params: dict[str, Any] | None = None, *, via: Gateway | None = None, request_id: Any = 1
    ) -> dict[str, Any]:
        """Post a request; its answer from the stream."""
        posted = await self.post(request(method, params, request_id), via=via)
        assert (posted.status_code, posted.content) == (202, b""), posted.text
        answer = await self.message()
        assert answer["id"] == request_id
        return answer

    async def call(self, tool: str, arguments: dict[str, Any], *, via: Gateway | None = None) -> dict[str, Any]:
        """`tools/call`; the result."""
        answer = await self.ask("tools/call", {"name": tool, "arguments": arguments}, via=via)
        result: dict[str, Any] = answer["result"]
        return result


def request(method: str, params: dict[str, Any] | None = None, request_id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


@contextlib.asynccontextmanager
async def opened(gateway: Gateway, token: str, *, slash: str = "", **headers: str) -> AsyncIterator[EventStream]:
    """A stream that has told where messages go."""
    url = f"{gateway.url}/mcp/{token}/sse{slash}"
    headers = {"accept": "text/event-stream", **headers}
    async with gateway.client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        stream = EventStream(response, gateway)
        first = await stream.event()
        assert first is not None
        assert first.name == "endpoint"
        stream.path = first.data
        yield stream


async def open_now(gateway: Gateway, key: str) -> int:
    """What the gauge says, to who has the operator's key."""
    metrics = await gateway.admin("GET", "/metrics", key=key)
    line = next(line for line in metrics.text.splitlines() if line.startswith("gateway_sse_streams "))
    return int(float(line.split()[1]))
