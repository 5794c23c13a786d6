"""The official Python SDK's client over a real socket, in both protocol eras."""

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.conftest import RICHPANEL_KEY
from tests.support.catalog import EVERY_TOOL

LIST = "list_all_richpanel_conversations"


@pytest.fixture(params=["2026-07-28", "auto", "legacy"])
def mode(request) -> str:
    return str(request.param)


async def test_client_lists_and_calls_tools(world, mode):
    server = await world.gateway.server(api_key=RICHPANEL_KEY)
    async with Client(server.url, mode=mode) as client:
        assert (client.protocol_version == "2025-11-25") == (mode == "legacy")
        assert [tool.name for tool in (await client.list_tools()).tools] == EVERY_TOOL
        result = await client.call_tool(LIST, {"limit": 2})
        assert not result.is_error
        assert len((result.structured_content or {})["result"]) == 2


async def test_client_sees_tool_errors_as_results_and_goes_on(world, mode):
    server = await world.gateway.server(api_key=RICHPANEL_KEY)
    async with Client(server.url, mode=mode) as client:
        result = await client.call_tool(LIST, {"limit": 0})
        assert result.is_error
        assert "limit" in str(result.content[0])
        assert not (await client.call_tool(LIST, {"limit": 1})).is_error


async def test_client_is_told_the_servers_tools_when_it_asks_for_another(world, mode):
    server = await world.gateway.server({"methods": ["read"]}, api_key=RICHPANEL_KEY)
    async with Client(server.url, mode=mode) as client:
        result = await client.call_tool("create_a_richpanel_conversation_tag", {"conversation_id": "x", "tags": ["y"]})
        assert result.is_error
        assert LIST in str(result.content)


async def test_client_connects_with_the_token_in_the_header(world, mode):
    server = await world.gateway.server(api_key=RICHPANEL_KEY)
    headers = {"authorization": f"Bearer {server.token}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{world.gateway.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == EVERY_TOOL
