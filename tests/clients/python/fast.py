"""Drives FastMCP's client."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.clients.python.lines import serve


class Session:
    """One connected client."""

    def __init__(self, client: "Client[Any]") -> None:
        self._client = client

    async def tool_names(self) -> list[str]:
        """What `tools/list` gives."""
        return [tool.name for tool in await self._client.list_tools()]

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """With `call_tool`, which applications use: a failing tool raises ToolError there."""
        result = await self._client.call_tool(name, arguments)
        text = "\n".join(getattr(block, "text", "") for block in result.content)
        return {"isError": result.is_error, "text": text, "structured": result.structured_content}


@contextlib.asynccontextmanager
async def opened(url: str, headers: dict[str, str]) -> AsyncIterator[Session]:
    """As the library's documentation does it."""
    async with Client(StreamableHttpTransport(url, headers=headers)) as client:
        yield Session(client)


if __name__ == "__main__":
    serve(opened)
