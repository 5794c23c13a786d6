"""A request that is wrong in every way is told of one fault after the other."""

import orjson
import pytest

from mcp_gateway.constants import MAX_REQUEST_BYTES, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.gateways import MODERN, running_gateway, settings_for
from tests.support.raw_http import exchange

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


@pytest.fixture(scope="module")
async def strict(stores):
    async with running_gateway(settings_for(stores, allowed_hosts="")) as running:
        yield running


async def answered(gateway, method, token, headers, body):
    """Status and JSON-RPC code."""
    head = "\r\n".join(
        (f"{method} /mcp/{token} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    )
    text = await exchange(gateway.url, head.encode() + body)
    return int(text.split(b" ", 2)[1]), orjson.loads(text.partition(b"\r\n\r\n")[2])["error"]["code"]


@pytest.mark.requirement("transport.order", "transport.host")
async def test_faults_of_the_http_request_come_before_the_token_and_the_token_before_the_body(strict):
    server = await strict.server({"require_api_token_auth": True})
    key = await strict.api_token(server.tenant_id)
    method, token, body = "GET", tokens.mint(MCP_TOKEN_PREFIX).token, b"["
    headers = {
        "Host": "evil.example",
        "Origin": "https://evil.example",
        "Content-Type": "text/plain",
        "Accept": "image/png",
        "Content-Length": str(MAX_REQUEST_BYTES + 1),
        "Connection": "close",
    }

    async def status():
        return (await answered(strict, method, token, headers, body))[0]

    assert await status() == 403
    del headers["Origin"]
    assert await status() == 421
    headers["Host"] = "gateway.example"
    assert await status() == 405
    method = "POST"
    assert await status() == 415
    headers["Content-Type"] = "application/json"
    assert await status() == 406
    del headers["Accept"]
    assert await status() == 413
    headers["Content-Length"] = str(len(body))
    assert await status() == 404
    token = server.token
    assert await status() == 401
    headers["X-API-Token"] = key
    assert await answered(strict, method, token, headers, body) == (400, -32700)


@pytest.mark.requirement("transport.order", "era.recognisable")
async def test_faults_of_a_modern_message_come_in_the_order_of_the_specification(gateway):
    server = await gateway.server()
    headers = {
        "Host": "x",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2099-01-01",
        "Connection": "close",
    }
    message = {"jsonrpc": "1.0", "id": 1, "method": "tools/nothing", "params": {}}

    async def told():
        body = orjson.dumps(message)
        return await answered(gateway, "POST", server.token, {**headers, "Content-Length": len(body)}, body)

    assert await told() == (400, -32600)
    message["jsonrpc"] = "2.0"
    assert await told() == (400, -32602)
    meta = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
    message["params"] = {"name": "x", "arguments": [], "_meta": meta}
    assert await told() == (400, -32020)
    meta[VERSION_KEY] = "2099-01-01"
    assert await told() == (400, -32020)
    headers["Mcp-Method"] = "tools/nothing"
    assert await told() == (400, -32022)
    headers["MCP-Protocol-Version"] = meta[VERSION_KEY] = MODERN
    assert await told() == (404, -32601)
    headers["Mcp-Method"] = message["method"] = "tools/call"
    assert await told() == (400, -32020)
    headers["Mcp-Name"] = "x"
    assert await told() == (400, -32602)
