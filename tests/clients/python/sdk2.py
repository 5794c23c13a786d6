"""Drives the Python SDK 2.x; the argument is the client's mode, `2026-07-28` or `legacy`."""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.clients.python.lines import serve


class Session:
    """One connected client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tool_names(self) -> list[str]:
        """Asks anew, whatever the client keeps."""
        return [tool.name for tool in (await self._client.list_tools()).tools]

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """An application that shows text to a model reads exactly these three."""
        result = await self._client.call_tool(name, arguments)
        text = "\n".join(getattr(block, "text", "") for block in result.content)
        return {"isError": result.is_error, "text": text, "structured": result.structured_content}


@contextlib.asynccontextmanager
async def opened(url: str, headers: dict[str, str]) -> AsyncIterator[Session]:
    """As the SDK's documentation does it."""
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=sys.argv[1]) as client:
            yield Session(client)


if __name__ == "__main__":
    serve(opened)
