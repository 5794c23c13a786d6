"""When a server was last used, and by which client, as its owner is told."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.support.gateways import MODERN, running_gateway, settings_for

LIMIT_SECONDS = 15


def path(server):
    return f"/integrated-account/{server.account_id}/mcp/{server.id}"


async def shown(gateway, server):
    return (await gateway.admin("GET", path(server))).json()


async def until(gateway, server, holds):
    """The server once this holds of it."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds(answer := await shown(gateway, server)):
            await asyncio.sleep(0.05)
    return answer


async def modern(gateway, token, client):
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": client,
    }
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
    response = await gateway.rpc(token, "tools/list", {"_meta": meta}, headers=headers)
    assert response.status_code == 200, response.text


async def test_use_and_client_of_either_era_are_told(gateway):
    unused, legacy, stateless = [await gateway.server() for _ in range(3)]
    began = datetime.now(UTC)
    client = {"name": "claude-ai", "version": "0.1.0"}
    await gateway.rpc(legacy.token, "initialize", {"protocolVersion": "2025-11-25", "clientInfo": client})
    await modern(gateway, stateless.token, {"name": "Cur\x00sor", "version": "3"})
    of_legacy = await until(gateway, legacy, lambda one: one["last_used_at"])
    of_stateless = await until(gateway, stateless, lambda one: one["last_used_at"])
    assert of_legacy["last_client"] == client
    assert of_stateless["last_client"] == {"name": "Cur sor", "version": "3"}
    used = datetime.fromisoformat(of_legacy["last_used_at"])
    assert (used.second, used.microsecond) == (0, 0)
    assert began - timedelta(minutes=1) < used <= datetime.now(UTC)
    of_unused = await shown(gateway, unused)
    assert (of_unused["last_used_at"], of_unused["last_client"]) == (None, None)


async def test_use_is_no_change_of_the_server(gateway):
    server = await gateway.server()
    await gateway.tool_names(server.token)
    await until(gateway, server, lambda one: one["last_used_at"])
    answer = await gateway.admin("GET", path(server))
    assert answer.headers["etag"] == '"1"'
    assert answer.json()["updated_at"] == answer.json()["created_at"]


async def test_client_stays_known_when_later_requests_name_none(gateway, stores):
    server = await gateway.server()
    client = {"name": "inspector", "version": "2"}
    await gateway.rpc(server.token, "initialize", {"protocolVersion": "2025-11-25", "clientInfo": client})
    await until(gateway, server, lambda one: one["last_client"])
    # Another replica, which has heard of no client and writes when it stops.
    async with running_gateway(settings_for(stores)) as other:
        await other.tool_names(server.token)
    assert (await shown(gateway, server))["last_client"] == client


async def test_what_a_replica_noted_is_written_when_it_stops(gateway, stores):
    server = await gateway.server()
    async with running_gateway(settings_for(stores)) as other:
        await other.tool_names(server.token)
    assert (await shown(gateway, server))["last_used_at"]


async def test_use_of_a_server_that_is_gone_is_no_error(stores):
    async with running_gateway(settings_for(stores)) as one:
        servers = [await one.server() for _ in range(2)]
        for server in servers:
            await one.tool_names(server.token)
        assert (await one.admin("DELETE", path(servers[0]))).status_code == 200
        await until(one, servers[1], lambda answer: answer["last_used_at"])
