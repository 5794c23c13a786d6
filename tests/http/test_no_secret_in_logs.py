"""Tokens and keys reach no log line, at any level, whatever path or header they come in."""

import asyncio

import pytest

from tests.support.gateways import OPERATOR_KEY, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.raw_http import exchange, opened

API_KEY = "rp_canary_key_7731"
PATHS = [
    "/mcp/{}",
    "/mcp/{}/",
    "/mcp/{}/sse/x",
    "/mcp/{}/message/{}",
    "/mcp/{}/x?token={}",
    "/x/mcp/{}",
    "//mcp/{}",
    "//mcp//{}",
    "/mcp/x/mcp/{}",
    "/MCP/{}",
    "/{}",
    "/x/{}/y",
    "/%2Fmcp%2F{}",
    "/%252Fmcp%252F{}",
    "/mcp%2F{}",
    "/.well-known/oauth-protected-resource/mcp/{}",
    "/.well-known/oauth-authorization-server/mcp/{}",
    "/integrated-account/{}/mcp/{}",
    "/integrated-account/x/mcp/{}",
    "/tenant/{}",
    "/tenant?next_cursor={}",
    "/integration/{}/tools?methods={}",
]


@pytest.fixture(scope="module")
async def talk(stores):
    """A gateway at level debug, its log, and what must not be in it."""
    with captured_logs() as log:
        async with running_gateway(settings_for(stores, log_level="debug", log_format="json")) as gateway:
            server = await gateway.server(api_key=API_KEY)
            key = await gateway.api_token(server.tenant_id)
            yield gateway, log, (server.token, key)


def clean(log, *secrets):
    text = log.getvalue()
    for secret in (*secrets, OPERATOR_KEY, API_KEY):
        assert secret not in text
        assert secret[-16:] not in text


@pytest.mark.parametrize("path", PATHS)
async def test_token_in_a_path_reaches_no_log_and_no_answer(talk, path):
    gateway, log, (token, key) = talk
    for secret in (token, token[:-3], key):
        for method in ("GET", "POST", "PROPFIND"):
            target = path.replace("{}", secret)
            request = f"{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            answer = await exchange(gateway.url, request.encode())
            assert answer.startswith(b"HTTP/1.1 ")
            assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.1 3"))
            assert secret.encode() not in answer
    assert "http.request" in log.getvalue()
    clean(log, token, token[:-3], key)


async def test_secrets_in_headers_and_bodies_reach_no_log(talk):
    gateway, log, (token, key) = talk
    for secret in (token, key, API_KEY, OPERATOR_KEY):
        headers = {
            "authorization": f"Bearer {secret}",
            "x-api-token": secret,
            "x-request-id": "r1",
            "user-agent": secret,
        }
        message = {"jsonrpc": "2.0", "id": secret, "method": secret, "params": {"name": secret}}
        await gateway.client.post(f"{gateway.url}/mcp", json=message, headers=headers)
        await gateway.client.post(f"{gateway.url}/mcp/{token}", json=message, headers=headers)
        await gateway.rpc(token, "tools/call", {"name": secret, "arguments": {"id": secret}})
        await gateway.client.post(f"{gateway.url}/tenant", json={secret: secret}, headers=headers)
    await gateway.call(token, "list_all_richpanel_conversations", {})
    assert "tool_call.finished" in log.getvalue()
    clean(log, token, key)


async def test_broken_requests_reach_no_log_with_their_token(talk):
    gateway, log, (token, key) = talk
    for request in (
        f"POST /mcp/{token} HTTP/9.9\r\n\r\n",
        f"POST /mcp/{token}\r\n\r\n",
        f"POST /mcp/{token} HTTP/1.1\r\nhost: x\r\nbad header {token}\r\n\r\n",
        f"GET /mcp/{token}\xe9 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ):
        await exchange(gateway.url, request.encode("latin-1"))
    upgrade = f"GET /mcp/{token} HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n"
    reader, writer = await opened(gateway.url)
    writer.write(upgrade.encode())
    async with asyncio.timeout(10):
        assert await reader.readline()
    writer.transport.abort()
    clean(log, token, key)


async def test_client_that_leaves_amid_its_body_is_logged_as_gone_and_nothing_more(talk):
    gateway, log, (token, key) = talk
    for path in (f"/mcp/{token}", "/tenant"):
        before = log.getvalue().count('"status":499')
        _, writer = await opened(gateway.url)
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{{"
        writer.write(head.encode())
        await writer.drain()
        await gateway.tool_names(token)
        writer.transport.abort()
        async with asyncio.timeout(10):
            while log.getvalue().count('"status":499') == before:
                await asyncio.sleep(0)
    assert "http.failed" not in log.getvalue()
    clean(log, token, key)
