"""An integration is only documents: a made-up shop, from YAML alone, is provisioned and called through MCP."""

import base64
from pathlib import Path

import orjson
import pytest

from mcp_gateway.catalog.gate import check
from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.services.untrusted_text import DATA_NOT_ORDERS
from tests.support.gateways import McpServer, running_gateway, settings_for
from tests.support.peers import Exchange, Peer, answer

SHOP = Path(__file__).parents[1] / "data" / "integrations" / "shop"
KEY = "shop-key-000001"
PNG = b"\x89PNG\r\n\x1a\n"


async def shop(exchange: Exchange) -> bool:
    """What stands for the shop's API."""
    if exchange.target.startswith(b"/v2/things/"):
        await exchange.write(answer(PNG, "content-type: image/png"))
    elif exchange.raw.startswith(b"POST"):
        await exchange.write(answer(b'{"thing": {"id": "mug"}}', status="201 Created"))
    elif b"color=blue" in exchange.target:
        await exchange.write(answer(b'{"error": "none"}', status="404 Not Found"))
    else:
        await exchange.write(answer(b'{"things": [{"id": "mug"}]}', "x-ratelimit-remaining: 4", "x-ratelimit-limit: 5"))
    return True


@pytest.fixture
async def world(stores, tmp_path):
    """The gateway with the shop's documents, their base URL turned to the peer, and the peer."""
    async with Peer(shop) as peer:
        for name in ("integration.yaml", "things.yaml"):
            text = (SHOP / name).read_text().replace("https://api.shop.example", f"{peer.url}/v2")
            (tmp_path / name).write_text(text)
        async with running_gateway(settings_for(stores), catalog=load_catalog([tmp_path])) as gateway:
            yield gateway, peer


async def server_of(gateway) -> McpServer:
    tenant_id = await gateway.tenant()
    body = {"integration": "shop", "name": "shop", "credentials": {"api_key": KEY}, "tenant_id": tenant_id}
    account_id = (await gateway.made("/integrated-account", body))["id"]
    server: McpServer = await gateway.server(tenant_id=tenant_id, account_id=account_id)
    return server


def test_documents_pass_the_compatibility_gate():
    assert [finding for finding in check(load_catalog([SHOP])) if finding.level != "cost"] == []


async def test_tools_are_listed_and_called_with_the_integrations_own_address_key_and_names(world):
    gateway, peer = world
    server = await server_of(gateway)
    assert await gateway.tool_names(server.token) == [
        "list_all_shop_things",
        "create_a_shop_thing",
        "get_single_shop_picture_by_id",
    ]
    listed = await gateway.call(server.token, "list_all_shop_things", {"colour": "red"})
    assert listed["structuredContent"]["result"] == [{"id": "mug"}]
    made = await gateway.call(server.token, "create_a_shop_thing", {"name": "Mug", "price": 9.5})
    assert made["structuredContent"] == {"notice": DATA_NOT_ORDERS, "result": {"id": "mug"}}
    read, written = peer.exchanges
    assert read.target == b"/v2/things?p=1&n=10&color=red"
    assert {one.headers["x-shop-key"] for one in peer.exchanges} == {KEY}
    assert "x-richpanel-key" not in read.headers
    assert orjson.loads(written.body) == {"thing": {"name": "Mug", "price": {"amount": 9.5}}}


async def test_picture_reaches_the_client_as_an_image_block(world):
    gateway, peer = world
    server = await server_of(gateway)
    result = await gateway.call(server.token, "get_single_shop_picture_by_id", {"id": "a/b"})
    assert result["content"][1] == {"type": "image", "data": base64.b64encode(PNG).decode(), "mimeType": "image/png"}
    assert result["structuredContent"]["result"] == {"media_type": "image/png", "bytes": len(PNG)}
    assert peer.exchanges[0].target == b"/v2/things/a%2Fb/picture"
    assert peer.exchanges[0].headers["accept"] == "*/*"


async def test_errors_and_limits_speak_of_the_integration(world):
    gateway, _ = world
    server = await server_of(gateway)
    response = await gateway.rpc(server.token, "tools/call", {"name": "list_all_shop_things", "arguments": {}})
    assert ";q=5;w=10, " in response.headers["ratelimit-policy"]
    error = (await gateway.call(server.token, "list_all_shop_things", {"colour": "blue"}))["structuredContent"]["error"]
    assert error["type"] == "not_found"
    assert error["message"].startswith("Corner Shop has nothing there")
    assert "list_all_shop_things" in error["message"]


async def test_account_of_an_integration_that_is_not_there_is_refused(world):
    gateway, _ = world
    body = {
        "integration": "richpanel",
        "name": "x",
        "credentials": {"api_key": KEY},
        "tenant_id": await gateway.tenant(),
    }
    response = await gateway.admin("POST", "/integrated-account", body)
    assert response.status_code == 422
    assert "shop" in response.json()["detail"]
