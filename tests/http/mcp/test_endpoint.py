"""The HTTP shell of the MCP endpoint: spellings, methods, media types, sizes."""

import asyncio

import orjson
import pytest

from mcp_gateway.constants import MAX_REQUEST_BYTES
from tests.support.catalog import EVERY_TOOL
from tests.support.raw_http import exchange, opened

LIST = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})


@pytest.fixture(scope="module")
async def server(gateway):
    return await gateway.server()


async def post(gateway, path, content=LIST, **headers):
    headers = {"content-type": "application/json", **headers}
    return await gateway.client.post(gateway.url + path, content=content, headers=headers)


@pytest.mark.requirement("transport.post")
async def test_trailing_slash_is_the_same_endpoint_and_no_redirect(gateway, server):
    for path in (f"/mcp/{server.token}", f"/mcp/{server.token}/"):
        response = await post(gateway, path)
        assert response.status_code == 200
        assert [tool["name"] for tool in response.json()["result"]["tools"]] == EVERY_TOOL
        assert "location" not in response.headers


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_token_in_the_header_is_the_same_server(gateway, server, path):
    response = await post(gateway, path, authorization=f"Bearer {server.token}")
    assert response.status_code == 200
    assert [tool["name"] for tool in response.json()["result"]["tools"]] == EVERY_TOOL


@pytest.mark.requirement("auth.challenge", "transport.authentication")
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer"}, {"x-api-token": "x"}]
)
async def test_no_token_at_all_is_401_with_a_plain_challenge(gateway, headers):
    response = await post(gateway, "/mcp", **headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["message"]


@pytest.mark.requirement("transport.get", "transport.methods", "sse.alongside")
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "PROPFIND"])
async def test_other_methods_are_405_and_allow_post(gateway, server, method):
    for path in ("/mcp", f"/mcp/{server.token}", f"/mcp/{server.token}/", "/mcp/dead"):
        response = await gateway.client.request(method, gateway.url + path, headers={"accept": "text/event-stream"})
        assert response.status_code == 405
        assert response.headers["allow"] == "POST"


@pytest.mark.requirement("transport.content-type")
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
async def test_other_media_types_are_415(gateway, server, content_type):
    response = await post(gateway, f"/mcp/{server.token}", **{"content-type": content_type})
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]["message"]


async def test_compressed_body_is_415(gateway, server):
    assert (await post(gateway, f"/mcp/{server.token}", **{"content-encoding": "gzip"})).status_code == 415


@pytest.mark.requirement("transport.accept")
async def test_accept_without_our_media_types_is_406(gateway, server):
    assert (await post(gateway, f"/mcp/{server.token}", accept="image/png")).status_code == 406


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b"[" * 5000, b"null"])
async def test_what_is_no_message_is_400_with_a_json_rpc_error(gateway, server, content):
    response = await post(gateway, f"/mcp/{server.token}", content)
    assert response.status_code == 400
    assert response.json()["error"]["code"] in {-32700, -32600}


async def test_body_of_just_the_limit_is_read(gateway, server):
    content = LIST
    assert (await post(gateway, f"/mcp/{server.token}", content.ljust(MAX_REQUEST_BYTES))).status_code == 200


@pytest.mark.requirement("transport.body-limit")
async def test_body_over_the_limit_is_413(gateway, server):
    response = await post(gateway, f"/mcp/{server.token}", LIST.ljust(MAX_REQUEST_BYTES + 1))
    assert response.status_code == 413
    assert str(MAX_REQUEST_BYTES) in response.json()["error"]["message"]


@pytest.mark.requirement("transport.body-limit")
async def test_chunked_body_is_413_once_it_is_over_the_limit(gateway, server):
    async def chunks():
        for _ in range(17):
            yield b" " * 65_536

    assert (await post(gateway, f"/mcp/{server.token}", chunks())).status_code == 413


@pytest.mark.requirement("transport.body-limit")
@pytest.mark.parametrize("path", ["/mcp/x", "/mcp", "/tenant"])
async def test_announced_length_over_the_limit_is_413_before_any_of_it_is_sent(gateway, path):
    request = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {MAX_REQUEST_BYTES + 1}\r\n\r\n"
    )
    answer = await exchange(gateway.url, request.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.requirement("transport.body-limit")
@pytest.mark.parametrize("path", ["/mcp/x", "/tenant"])
@pytest.mark.parametrize("framing", ["content-length: 4000000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n3d0900\r\n"])
async def test_413_reaches_a_client_that_sends_all_of_its_body_first(gateway, path, framing):
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}"
    answer = await exchange(gateway.url, head.encode() + b" " * 4_000_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer


async def test_body_that_never_ends_does_not_hold_up_others(gateway, server):
    _, writer = await opened(gateway.url)
    head = (
        f"POST /mcp/{server.token} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n"
    )
    writer.write(head.encode() + b'{"jsonrpc":')
    await writer.drain()
    assert await gateway.tool_names(server.token)
    writer.transport.abort()
    assert await gateway.tool_names(server.token)


async def test_body_in_small_pieces_is_put_together(gateway, server):
    async def pieces():
        for byte in LIST:
            yield bytes([byte])
            await asyncio.sleep(0)

    response = await post(gateway, f"/mcp/{server.token}", pieces())
    assert [tool["name"] for tool in response.json()["result"]["tools"]] == EVERY_TOOL


async def test_path_below_the_endpoint_is_404(gateway, server):
    for path in (f"/mcp/{server.token}/x", f"//mcp/{server.token}", f"/x/mcp/{server.token}", f"/MCP/{server.token}"):
        assert (await post(gateway, path)).status_code == 404
