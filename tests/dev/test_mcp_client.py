import json
from typing import Any

import httpx
import pytest

from mcp_gateway.dev.mcp_client import META_CAPABILITIES, META_VERSION, PROTOCOL_VERSION, MCPClient, MCPError


def server(answer, seen=None):
    def handle(request):
        message = json.loads(request.content)
        if seen is not None:
            seen.append((request, message))
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], **answer(message)})

    return MCPClient("http://gateway.test/mcp/x", httpx.MockTransport(handle))


def test_every_request_says_version_method_and_name_in_header_and_body():
    seen: list[Any] = []
    with server(lambda _: {"result": {"structuredContent": {"result": 1}}}, seen) as client:
        client.call_tool("a_tool", {"id": "<m@x>"})
    ((request, message),) = seen
    assert request.headers["mcp-protocol-version"] == message["params"]["_meta"][META_VERSION] == PROTOCOL_VERSION
    assert request.headers["mcp-method"] == message["method"] == "tools/call"
    assert request.headers["mcp-name"] == message["params"]["name"] == "a_tool"
    assert message["params"]["_meta"][META_CAPABILITIES] == {}
    assert message["params"]["arguments"] == {"id": "<m@x>"}
    assert "application/json" in request.headers["accept"]
    assert "text/event-stream" in request.headers["accept"]


def test_ids_differ():
    seen: list[Any] = []
    with server(lambda _: {"result": {"supportedVersions": []}}, seen) as client:
        client.discover()
        client.discover()
    assert len({message["id"] for _, message in seen}) == 2


def test_pages_of_tools_are_followed():
    pages = {None: {"tools": [{"name": "a"}], "nextCursor": ""}, "": {"tools": [{"name": "b"}]}}
    with server(lambda message: {"result": pages[message["params"].get("cursor")]}) as client:
        assert [tool["name"] for tool in client.list_tools()] == ["a", "b"]


def test_a_failed_tool_is_an_answer():
    error = {"type": "rate_limited", "retry_after_seconds": 7}
    with server(lambda _: {"result": {"isError": True, "structuredContent": {"error": error}}}) as client:
        answer = client.call_tool("t", {})
    assert (answer.is_error, answer.error, answer.result) == (True, error, None)


def test_a_protocol_error_is_raised_with_its_code():
    client = server(lambda _: {"error": {"code": -32602, "message": "no such tool"}})
    with client, pytest.raises(MCPError, match="-32602: no such tool"):
        client.call_tool("t", {})


@pytest.mark.parametrize("text", ["<html>", "[]", "{}", '{"result": 1}'])
def test_what_is_no_mcp_is_an_error(text):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    with MCPClient("http://gateway.test", transport) as client, pytest.raises(MCPError):
        client.discover()


def test_a_result_without_structured_content_is_an_error():
    with server(lambda _: {"result": {"content": []}}) as client, pytest.raises(MCPError, match="structured"):
        client.call_tool("t", {})
