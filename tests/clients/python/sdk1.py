"""Drives the Python SDK 1.x; the argument is `http` or `sse`.

LangChain's adapters and the OpenAI Agents SDK stand on it.
"""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.clients.python.lines import serve


class Session:
    """One initialised session."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def tool_names(self) -> list[str]:
        """What `tools/list` gives."""
        return [tool.name for tool in (await self._session.list_tools()).tools]

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """An application that shows text to a model reads exactly these three."""
        result = await self._session.call_tool(name, arguments)
        text = "\n".join(getattr(block, "text", "") for block in result.content)
        return {"isError": result.isError, "text": text, "structured": result.structuredContent}


@contextlib.asynccontextmanager
async def opened(url: str, headers: dict[str, str]) -> AsyncIterator[Session]:
    """As the SDK's documentation does it."""
    async with contextlib.AsyncExitStack() as stack:
        if sys.argv[1] == "sse":
            streams = await stack.enter_async_context(sse_client(url, headers))
        else:
            http = await stack.enter_async_context(httpx.AsyncClient(headers=headers))
            streams = await stack.enter_async_context(streamable_http_client(url, http_client=http))
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        await session.initialize()
        yield Session(session)


if __name__ == "__main__":
    serve(opened)
