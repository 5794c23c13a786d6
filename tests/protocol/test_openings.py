"""First contacts of clients in use, byte for byte what they put on the wire."""

import orjson
import pytest

from mcp_gateway.protocol.exchange import answer
from mcp_gateway.protocol.preflight import preflight
from tests.protocol.support import FakeHost, parsed, raw

BASE = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


async def post(body, headers=None, host=None):
    sent = raw({**BASE, **(headers or {})})
    assert preflight("POST", sent) is None
    return await answer(sent, body, host or FakeHost())


CHATGPT_DISCOVER = b"""{"jsonrpc":"2.0","id":"openai-mcp-discover","method":"server/discover","params":{"_meta":{
"io.modelcontextprotocol/protocolVersion":"2026-07-28",
"io.modelcontextprotocol/clientInfo":{"name":"openai-mcp","version":"1.0.0"},
"io.modelcontextprotocol/clientCapabilities":{"experimental":{"openai/visibility":{"enabled":true}},
"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}}}}"""

CHATGPT_CALL = b"""{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_order",
"arguments":{"id":"7"},"_meta":{
"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},
"openai/session":"v1/abc","openai/subject":"v1/def","openai/locale":"en-US"}}}"""


async def test_chatgpt_finds_its_version_in_discover():
    reply = await post(
        CHATGPT_DISCOVER,
        {"user-agent": "openai-mcp/1.0.0", "mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover"},
    )
    assert reply.status == 200
    assert parsed(reply)["id"] == "openai-mcp-discover"
    assert "2026-07-28" in parsed(reply)["result"]["supportedVersions"]


async def test_chatgpt_call_keeps_its_vendor_meta():
    host = FakeHost()
    reply = await post(
        CHATGPT_CALL,
        {
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "get_order",
            "x-openai-session": "v1/abc",
        },
        host,
    )
    assert parsed(reply)["result"]["isError"] is False
    assert host.calls[0][2].meta["openai/subject"] == "v1/def"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
@pytest.mark.parametrize("headers", [[], raw(BASE)])
async def test_chatgpt_probe_without_a_method_is_a_400_that_is_json(body, headers):
    length = [(b"content-length", str(len(body)).encode())]
    if not body or headers:
        assert preflight("POST", headers + length) is None
    reply = await answer(headers + length, body, FakeHost())
    assert reply.status == 400
    assert parsed(reply)["error"]["code"] in {-32700, -32600}


async def test_claude_initializes_and_goes_on_without_a_version_header():
    hello = b"""{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},
    "clientInfo":{"name":"Anthropic/ClaudeAI","version":"1.0.0"}},"jsonrpc":"2.0","id":0}"""
    reply = await post(hello, {"user-agent": "Claude-User"})
    assert parsed(reply)["result"]["protocolVersion"] == "2025-11-25"
    assert parsed(reply)["id"] == 0
    assert (await post(b'{"method":"notifications/initialized","jsonrpc":"2.0"}')).status == 202
    listed = await post(b'{"method":"tools/list","params":{},"jsonrpc":"2.0","id":1}')
    assert len(parsed(listed)["result"]["tools"]) == 2


async def test_gemini_cli_pings_without_a_version_header():
    hello = b"""{"method":"initialize","params":{"protocolVersion":"2025-06-18",
    "capabilities":{"roots":{"listChanged":true}},
    "clientInfo":{"name":"gemini-cli-mcp-client","version":"0.61.0"}},"jsonrpc":"2.0","id":0}"""
    assert parsed(await post(hello))["result"]["protocolVersion"] == "2025-06-18"
    assert parsed(await post(b'{"method":"ping","jsonrpc":"2.0","id":1}')) == {"jsonrpc": "2.0", "id": 1, "result": {}}


async def test_copilot_studio_speaks_2024_11_05_by_post():
    hello = b"""{"jsonrpc":"2.0","id":"1","method":"initialize","params":{"capabilities":{},"clientInfo":
    {"agentName":"Order agent","appId":"00000000-0000-0000-0000-000000000000","name":"mcs","version":"1.0.0"},
    "protocolVersion":"2024-11-05"}}"""
    assert parsed(await post(hello))["result"]["protocolVersion"] == "2024-11-05"
    call = b'{"jsonrpc":"2.0","id":"2","method":"tools/call","params":{"name":"get_order","arguments":{"id":"7"}}}'
    assert parsed(await post(call))["result"]["isError"] is False


async def test_ai_sdk_gets_405_for_its_get_and_may_send_the_version_with_initialize():
    refused = preflight("GET", raw({"accept": "text/event-stream", "mcp-protocol-version": "2025-11-25"}))
    assert refused is not None
    assert refused.status == 405
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{},"clientInfo":{"name":"ai-sdk-mcp-client","version":"1.0.0"}}}"""
    reply = await post(hello, {"mcp-protocol-version": "2025-11-25"})
    assert parsed(reply)["result"]["protocolVersion"] == "2025-11-25"


async def test_mcp_remote_sends_mcp_method_on_the_old_era_too():
    hello = b"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{},"clientInfo":{"name":"mcp-remote-fallback-test","version":"0.0.0"}}}"""
    assert (await post(hello, {"mcp-method": "initialize"})).status == 200


async def test_probe_for_discover_by_an_old_client_is_told_to_fall_back():
    reply = await post(b'{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}')
    assert (reply.status, parsed(reply)["error"]["code"]) == (200, -32601)


async def test_bodies_here_are_whole_json():
    assert orjson.loads(CHATGPT_DISCOVER)["method"] == "server/discover"
