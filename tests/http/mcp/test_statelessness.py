"""Every request stands alone: no connection, no session and no earlier request decides anything about it."""

import orjson
import pytest

from tests.support.catalog import EVERY_TOOL
from tests.support.gateways import MODERN
from tests.support.raw_http import connection, exchange

META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
HEADERS = {"host": "x", "content-type": "application/json"}
NAME = "get_single_richpanel_conversation_by_id"


@pytest.fixture(scope="module")
async def server(gateway):
    return await gateway.server()


def posted(server, method, params, headers, request_id=1):
    body = orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
    lines = (f"{name}: {value}" for name, value in {**HEADERS, **headers, "content-length": len(body)}.items())
    return "\r\n".join((f"POST /mcp/{server.token} HTTP/1.1", *lines, "", "")).encode("latin-1") + body


def modern(server, method, params=None, **headers):
    sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **headers}
    return posted(server, method, {**(params or {}), "_meta": META}, sent)


@pytest.mark.requirement("state.none", "era.per-request")
async def test_eras_and_versions_mix_on_one_connection_and_each_request_is_read_by_its_own(gateway, server):
    hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    async with connection(gateway.url) as to:
        for _ in range(2):
            agreed = (await to.ask(posted(server, "initialize", hello, {}))).json["result"]
            assert agreed["protocolVersion"] == "2024-11-05"
            assert "ttlMs" in (await to.ask(modern(server, "tools/list"))).json["result"]
            refused = await to.ask(modern(server, "ping"))
            assert (refused.status, refused.json["error"]["code"]) == (404, -32601)
            for version in ({}, {"mcp-protocol-version": "2025-11-25"}):
                assert (await to.ask(posted(server, "ping", {}, version))).json["result"] == {}
                assert "ttlMs" not in (await to.ask(posted(server, "tools/list", {}, version))).json["result"]


@pytest.mark.requirement("tools.list-steady", "tools.order", "state.anywhere")
async def test_list_is_the_same_bytes_on_every_connection_and_after_other_requests(gateway, server):
    lists = set()
    for _ in range(3):
        async with connection(gateway.url) as to:
            lists.add((await to.ask(modern(server, "tools/list"))).body)
            for method, name in (("server/discover", None), ("tools/call", NAME), ("tools/call", "nothing")):
                params = {} if name is None else {"name": name, "arguments": {}}
                await to.ask(modern(server, method, params, **({} if name is None else {"Mcp-Name": name})))
            lists.add((await to.ask(modern(server, "tools/list"))).body)
    assert len(lists) == 1


@pytest.mark.requirement("transport.sessions", "transport.last-event-id")
async def test_session_and_event_ids_are_ignored_and_none_are_given(gateway, server):
    async with connection(gateway.url) as to:
        for sent in (
            modern(server, "tools/list", **{"Mcp-Session-Id": "gone", "Last-Event-ID": "7"}),
            posted(server, "tools/list", {}, {"mcp-session-id": "gone", "last-event-id": "7"}),
            posted(server, "initialize", {"protocolVersion": "2025-11-25"}, {"mcp-session-id": "gone"}),
        ):
            answer = await to.ask(sent)
            assert answer.status == 200
            assert not {"mcp-session-id", "last-event-id"} & {name for name, _ in answer.headers}
            assert b"gone" not in answer.body


@pytest.mark.requirement("headers.names-in-any-case", "headers.whitespace")
@pytest.mark.parametrize(
    "spelt",
    [
        {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"},
        {"MCP-PROTOCOL-VERSION": MODERN, "MCP-METHOD": "tools/list"},
        {"Mcp-Protocol-Version": f"\t {MODERN}  ", "mCp-mEtHoD": "tools/list \t"},
    ],
)
async def test_header_names_in_any_case_and_blanks_around_values_are_read_alike(gateway, server, spelt):
    async with connection(gateway.url) as to:
        answer = await to.ask(posted(server, "tools/list", {"_meta": META}, spelt))
        assert [tool["name"] for tool in answer.json["result"]["tools"]] == EVERY_TOOL


@pytest.mark.requirement("headers.characters", "headers.base64")
@pytest.mark.parametrize("value", ["größe", "a\x80b", "=?base64?Z3LDtsOfZQ?=", "=?base64?gA==?="])
async def test_name_that_no_header_may_hold_is_a_mismatch(gateway, server, value):
    async with connection(gateway.url) as to:
        answer = await to.ask(modern(server, "tools/call", {"name": value}, **{"Mcp-Name": value}))
        assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


@pytest.mark.requirement("headers.repeated")
async def test_header_that_comes_twice_is_a_mismatch_on_the_wire_too(gateway, server):
    twice = modern(server, "tools/list", Connection="close").replace(
        b"Mcp-Method", b"Mcp-Method: tools/list\r\nMcp-Method"
    )
    answer = await exchange(gateway.url, twice)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"-32020" in answer
