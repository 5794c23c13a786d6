"""`GET /log?log_type=mcp`: what is told of a tool call, and that telling it never stands in its way."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Catalog
from mcp_gateway.kit import ids
from tests.support.databases import connected
from tests.support.gateways import MODERN, OPERATOR_KEY, Gateway, running_gateway, settings_for
from tests.support.peers import Peer, always, answer
from tests.support.problems import problem
from tests.support.relays import relay_to

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
UPLOAD = "create_a_richpanel_file"
WAIT_SECONDS = 20
NOWHERE = "redis://127.0.0.1:9"


@contextlib.asynccontextmanager
async def gateway_of(stores, **settings) -> AsyncIterator[Gateway]:
    """A gateway whose Richpanel answers every list."""
    async with (
        Peer(always(answer(b'{"ticket": [{"id": "a"}]}'))) as peer,
        running_gateway(settings_for(stores, richpanel_url=peer.url, **settings)) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
async def gateway(stores):
    async with gateway_of(stores) as running:
        yield running


async def log(gateway, tenant_id, **params):
    response = await gateway.admin("GET", "/log", params={"log_type": "mcp", "tenant_id": tenant_id, **params})
    assert response.status_code == 200, response.text
    return response.json()["result"]


async def logged(gateway, tenant_id, count=1, **params):
    """The tenant's calls, newest first, once there are so many."""
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found := await log(gateway, tenant_id, **params)) < count:
            await asyncio.sleep(0.05)
    assert len(found) == count
    return found


async def test_a_call_over_mcp_is_told_with_its_client(gateway):
    server = await gateway.server()
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "check", "version": "1.2\x1b"},
    }
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": LIST, "x-request-id": "r-1"}
    params = {"name": LIST, "arguments": {"limit": 5}, "_meta": meta}
    response = await gateway.rpc(server.token, "tools/call", params, headers=headers)
    assert response.status_code == 200, response.text
    [told] = await logged(gateway, server.tenant_id)
    assert told["id"].startswith("call_")
    assert told["duration_ms"] >= told["upstream_duration_ms"] > 0
    assert len(told["arguments_hash"]) == 32
    assert datetime.now(UTC) - datetime.fromisoformat(told["created_at"]) < timedelta(seconds=WAIT_SECONDS)
    fixed = {name: told[name] for name in told if name not in {"id", "created_at", "arguments_hash"}}
    assert {name: value for name, value in fixed.items() if "duration" not in name} == {
        "tenant_id": server.tenant_id,
        "integrated_account_id": server.account_id,
        "mcp_server_id": server.id,
        "tool_name": LIST,
        "status": "ok",
        "upstream_status": 200,
        "caller_gone": False,
        "client": "check/1.2?",
        "arguments": None,
        "arguments_truncated": False,
        "request_id": "r-1",
        "trace_id": None,
    }


async def test_an_old_client_is_known_by_its_user_agent_and_plain_rest_has_no_server(gateway):
    server = await gateway.server()
    await gateway.call(server.token, LIST, {"limit": 0}, headers={"user-agent": "x" * 300})
    path = f"/integrated-account/{server.account_id}/tools/{LIST}"
    await gateway.admin("POST", path, {"limit": 1}, headers={"user-agent": "curl/8"})
    await gateway.admin("POST", path, {"limit": 1}, headers={"user-agent": ""})
    told = {call["client"]: call for call in await logged(gateway, server.tenant_id, 3)}
    assert set(told) == {"x" * 200, "curl/8", "rest"}
    assert told["x" * 200]["status"] == "invalid_arguments"
    assert told["x" * 200]["upstream_status"] is None
    assert told["curl/8"]["mcp_server_id"] is None
    assert told["curl/8"]["integrated_account_id"] == server.account_id


async def test_arguments_are_kept_only_where_the_server_says_so_and_hashed_everywhere(gateway):
    tenant_id = await gateway.tenant()
    silent = await gateway.server(tenant_id=tenant_id)
    telling = await gateway.server({"log_arguments": True}, tenant_id=tenant_id)
    secret = "rpat_" + "A" * 49
    for server in (silent, telling):
        await gateway.call(server.token, LIST, {"status": "OPEN", "limit": 7})
    await gateway.call(telling.token, LIST, {"limit": 7, "status": "OPEN"})
    await gateway.call(telling.token, GET, {"id": secret})
    calls = await logged(gateway, tenant_id, 4)
    by_server = {call["mcp_server_id"]: call["arguments"] for call in calls if call["tool_name"] == LIST}
    assert by_server == {silent.id: None, telling.id: {"limit": 7, "status": "OPEN"}}
    assert len({call["arguments_hash"] for call in calls if call["tool_name"] == LIST}) == 1
    assert [call["arguments"] for call in calls if call["tool_name"] == GET] == [{"id": "rpat_[redacted]"}]
    other = await gateway.server()
    await gateway.call(other.token, LIST, {"status": "OPEN", "limit": 7})
    [elsewhere] = await logged(gateway, other.tenant_id)
    assert elsewhere["arguments_hash"] not in {call["arguments_hash"] for call in calls}


async def test_log_arguments_can_be_switched_on_and_holds_for_the_next_call(gateway):
    server = await gateway.server()
    await gateway.call(server.token, LIST, {"limit": 1})
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    assert (await gateway.admin("PATCH", path, {"config": {"log_arguments": True}})).status_code == 200
    await gateway.call(server.token, LIST, {"limit": 2})
    assert {json.dumps(call["arguments"]) for call in await logged(gateway, server.tenant_id, 2)} == {
        "null",
        '{"limit": 2}',
    }
    problem(await gateway.admin("PATCH", path, {"config": {"log_arguments": "yes"}}), 422, "invalid_input")


async def test_long_arguments_are_cut_and_said_to_be(gateway):
    server = await gateway.server({"log_arguments": True})
    await gateway.call(server.token, GET, {"id": "ü" * 300_000})
    [told] = await logged(gateway, server.tenant_id)
    assert told["arguments_truncated"] is True
    assert len(told["arguments"]) == 8_000
    assert told["arguments"].startswith('{"id":"üü')


async def test_arguments_that_grow_by_masking_are_cut_and_said_to_be(gateway):
    server = await gateway.server({"log_arguments": True})
    await gateway.call(server.token, GET, {"id": "rp_abcdef " * 790})
    [told] = await logged(gateway, server.tenant_id)
    assert told["arguments_truncated"] is True
    assert len(told["arguments"]) == 8_000
    assert told["arguments"].startswith('{"id":"rp_[redacted] rp_[redacted]')


@dataclass(frozen=True)
class Broken:
    """A fault of ours before anything is sent."""

    most_requests: int = 1

    def steps(self, _arguments, _run):
        yield from ()
        raise RuntimeError("broken on purpose")


async def test_a_call_that_a_fault_of_ours_ends_is_told_like_any_other(stores):
    richpanel = load_catalog().integrations["richpanel"]
    calls = {GET: {"id": "a"}, TAG: {"conversation_id": "a", "tags": ["b"]}}
    broken = {name: replace(richpanel.by_name[name], procedure=Broken()) for name in calls}
    tools = {**richpanel.by_name, **broken}
    catalog = Catalog({"richpanel": replace(richpanel, tools=tuple(tools.values()), by_name=tools)})
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")
    async with running_gateway(settings, catalog=catalog) as gateway:
        tenant_id = await gateway.tenant()
        path = f"/integrated-account/{await gateway.account(tenant_id)}/tools"
        for name, arguments in calls.items():
            assert (await gateway.admin("POST", f"{path}/{name}", arguments)).status_code == 500
        told = await logged(gateway, tenant_id, len(calls))
    assert {(call["tool_name"], call["status"]) for call in told} == {(name, "internal") for name in calls}


async def test_arguments_no_database_takes_as_they_are_do_not_keep_others_from_being_told(gateway):
    server = await gateway.server()
    path = f"/integrated-account/{server.account_id}/tools/{GET}"
    headers = {"authorization": f"Bearer {OPERATOR_KEY}", "content-type": "application/json"}
    odd = (b'{"id": "\\u0000"}', b'{"id": 1' + b"0" * 40 + b"}", b'{"id": "fine"}')
    for body in odd:
        await gateway.client.post(gateway.url + path, content=body, headers=headers)
    await logged(gateway, server.tenant_id, len(odd))


async def test_filters_narrow_and_pages_lead_through(gateway):
    tenant_id = await gateway.tenant()
    servers = [await gateway.server(tenant_id=tenant_id) for _ in range(2)]
    for server in servers:
        for limit in (1, 2, 0):
            await gateway.call(server.token, LIST, {"limit": limit})
    await gateway.call(servers[0].token, GET, {"id": "x"})
    calls = await logged(gateway, tenant_id, 7)
    assert [call["id"] for call in calls] == sorted((call["id"] for call in calls), reverse=True)
    assert len(await log(gateway, tenant_id, mcp_server_id=servers[0].id)) == 4
    assert len(await log(gateway, tenant_id, tool_name=GET)) == 1
    assert len(await log(gateway, tenant_id, status="invalid_arguments")) == 2
    times = sorted({call["created_at"] for call in calls})
    later = await log(gateway, tenant_id, **{"created_at[gt]": times[2], "created_at[lt]": times[-1]})
    assert [call["created_at"] for call in later] == times[-2:2:-1]
    everyone = await gateway.admin("GET", "/log", params={"mcp_server_id": servers[1].id, "created_at[gt]": times[0]})
    assert {call["mcp_server_id"] for call in everyone.json()["result"]} == {servers[1].id}
    seen: list[str] = []
    cursor = None
    while not seen or cursor:
        params = {"tenant_id": tenant_id, "limit": "3"} | ({"next_cursor": cursor} if cursor else {})
        page = (await gateway.admin("GET", "/log", params=params)).json()
        seen += [call["id"] for call in page["result"]]
        cursor = page["next_cursor"]
    assert seen == [call["id"] for call in calls]


async def test_a_tenant_sees_its_own_calls_and_only_with_the_scope(gateway):
    mine, other = await gateway.server(), await gateway.server()
    for server in (mine, other):
        await gateway.call(server.token, LIST, {"limit": 1})
        await logged(gateway, server.tenant_id)
    key = await gateway.api_token(mine.tenant_id, scopes=["logs"])
    found = (await gateway.admin("GET", "/log", key=key)).json()["result"]
    assert {call["tenant_id"] for call in found} == {mine.tenant_id}
    assert (await gateway.admin("GET", "/log", key=key, params={"mcp_server_id": other.id})).json()["result"] == []
    answered = await gateway.admin("GET", "/log", key=key, params={"tenant_id": other.tenant_id})
    problem(answered, 422, "invalid_input")
    reader = await gateway.api_token(mine.tenant_id, scopes=["read"])
    assert (await gateway.admin("GET", "/log", key=reader)).status_code == 403


async def test_what_is_no_filter_is_refused_and_the_known_are_named(gateway):
    answered = await gateway.admin("GET", "/log", params={"log_type": "mcp", "tool": LIST})
    assert "tool_name" in problem(answered, 422, "invalid_input")["errors"][0]["allowed"]
    problem(await gateway.admin("GET", "/log", params={"log_type": "http"}), 422, "invalid_input")


async def test_calls_go_on_while_the_database_is_away_and_are_told_once_it_is_back(stores, gateway):
    async with relay_to(stores.database_url) as relay, gateway_of(stores, database_url=relay.url) as cut_off:
        server = await gateway.server()
        await cut_off.call(server.token, LIST, {"limit": 1})
        await relay.cut()
        for limit in (2, 3, 4):
            assert not (await cut_off.call(server.token, LIST, {"limit": limit})).get("isError")
        await relay.start()
        await logged(gateway, server.tenant_id, 4)


async def test_what_was_called_just_before_the_end_is_told(stores):
    async with gateway_of(stores) as gateway:
        server = await gateway.server()
        for limit in range(1, 6):
            await gateway.call(server.token, LIST, {"limit": limit})
    async with connected(stores.owner_url) as owner:
        assert await owner.fetchval("SELECT count(*) FROM tool_calls WHERE server_id = $1", server.id) == 5


async def test_calls_past_their_retention_and_of_deleted_tenants_are_removed(stores):
    old = datetime.now(UTC) - timedelta(days=8)
    async with gateway_of(stores, log_retention_days=7, sweep_seconds=0.1) as gateway:
        kept, gone = await gateway.server(), await gateway.server()
        for server in (kept, gone):
            await gateway.call(server.token, LIST, {"limit": 1})
            await logged(gateway, server.tenant_id)
        async with connected(stores.owner_url) as owner:
            await owner.execute(
                "INSERT INTO tool_calls SELECT (r).* FROM (SELECT jsonb_populate_record(t, $2::jsonb) AS r "
                "FROM tool_calls t WHERE server_id = $1) AS one",
                kept.id,
                json.dumps({"id": ids.new_id(ids.TOOL_CALL, old), "created_at": old.isoformat()}),
            )
            await gateway.admin("DELETE", f"/tenant/{gone.tenant_id}")
            query = "SELECT server_id FROM tool_calls WHERE server_id = ANY ($1)"
            async with asyncio.timeout(WAIT_SECONDS):
                while [row[0] for row in await owner.fetch(query, [kept.id, gone.id])] != [kept.id]:
                    await asyncio.sleep(0.05)
