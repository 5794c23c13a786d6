"""2026-07-28: checks 12 to 20 and the results."""

import orjson
import pytest
from mcp_types.methods import validate_server_result

from mcp_gateway.protocol.exchange import answer
from tests.protocol.support import (
    META,
    MODERN,
    ORDER,
    FakeHost,
    error_of,
    modern_headers,
    modern_request,
    parsed,
    raw,
    request,
    send,
    send_modern,
    sentinel,
)

CALL = {"name": "get_order", "arguments": {"id": "7"}}
VERSION_KEY, CAPABILITIES_KEY = META


@pytest.mark.requirement("discover.implemented", "discover.versions", "discover.caching", "tools.capability")
async def test_discover_announces_stateless_versions_only_and_is_private():
    result = parsed(await send_modern("server/discover"))["result"]
    assert result.pop("_meta")["io.modelcontextprotocol/serverInfo"]["name"] == "richpanel-mcp-gateway"
    assert result == {
        "supportedVersions": [MODERN],
        "capabilities": {"tools": {}},
        "instructions": 'Read "orders" first.',
        "resultType": "complete",
        "ttlMs": 60_000,
        "cacheScope": "private",
    }


async def test_discover_without_instructions_leaves_the_member_out():
    reply = await send_modern("server/discover", host=FakeHost(instructions=None))
    assert "instructions" not in parsed(reply)["result"]


@pytest.mark.requirement("message.result-type", "message.server-info")
@pytest.mark.parametrize(("method", "params"), [("server/discover", None), ("tools/list", None), ("tools/call", CALL)])
async def test_every_result_is_valid_by_the_schema_and_names_the_server(method, params):
    reply = await send_modern(method, params)
    result = parsed(reply)["result"]
    validate_server_result(method, MODERN, result)
    assert reply.status == 200
    assert result["resultType"] == "complete"
    assert set(result["_meta"]["io.modelcontextprotocol/serverInfo"]) == {"name", "version"}


@pytest.mark.requirement("tools.caching", "tools.caching-private")
async def test_list_is_the_hosts_bytes_with_caching_hints():
    result = parsed(await send_modern("tools/list"))["result"]
    assert [tool["name"] for tool in result["tools"]] == ["get_order", "list_orders"]
    assert (result["ttlMs"], result["cacheScope"]) == (60_000, "private")
    assert result["_meta"]["richpanel-mcp-gateway/listRevision"] == "r1"


async def test_call_reaches_the_host_with_arguments_and_meta():
    host = FakeHost()
    meta = {**META, "progressToken": "p", "openai/session": "s"}
    await send(
        request("tools/call", {**CALL, "_meta": meta}, id="abc"), modern_headers("tools/call", "get_order"), host
    )
    [(name, arguments, call)] = host.calls
    assert (name, arguments) == ("get_order", {"id": "7"})
    assert (call.request_id, call.protocol_version, call.meta) == ("abc", MODERN, meta)


async def test_call_without_arguments_passes_an_empty_object():
    host = FakeHost()
    await send_modern("tools/call", {"name": "get_order"}, host)
    assert host.calls[0][1] == {}


@pytest.mark.requirement("message.same-id")
@pytest.mark.parametrize("request_id", [0, -3, 2**53 + 1, "", "openai-mcp-discover", "ü"])
async def test_id_comes_back_as_it_was(request_id):
    assert parsed(await send_modern("tools/call", CALL, id=request_id))["id"] == request_id


@pytest.mark.requirement("meta.required")
@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        {VERSION_KEY: MODERN},
        {CAPABILITIES_KEY: {}},
        {VERSION_KEY: 20260728, CAPABILITIES_KEY: {}},
        {VERSION_KEY: MODERN, CAPABILITIES_KEY: []},
        [],
        "x",
    ],
)
async def test_incomplete_meta_is_invalid_params_that_name_what_is_spoken(meta):
    reply = await send(request("tools/list", {"_meta": meta}), modern_headers("tools/list"))
    assert error_of(reply) == (400, -32602)
    assert parsed(reply)["id"] == 1


async def test_incomplete_meta_comes_before_a_wrong_header():
    reply = await send(request("tools/list", {"_meta": {}}), modern_headers("tools/call"))
    assert error_of(reply) == (400, -32602)


@pytest.mark.requirement(
    "headers.version",
    "headers.method",
    "headers.name",
    "headers.values-in-their-case",
    "headers.base64-exact",
    "era.recognisable",
)
@pytest.mark.parametrize(
    "headers",
    [
        modern_headers("tools/call", "get_order", MCP_Protocol_Version=None),
        modern_headers("tools/call", "get_order", MCP_Protocol_Version="2027-01-01"),
        modern_headers("tools/call", "get_order", Mcp_Method=None),
        modern_headers("tools/call", "get_order", Mcp_Method="tools/list"),
        modern_headers("tools/call", "get_order", Mcp_Method="Tools/Call"),
        modern_headers("tools/call", "get_order", Mcp_Method=sentinel("tools/call")),
        modern_headers("tools/call", None),
        modern_headers("tools/call", "list_orders"),
        modern_headers("tools/call", "GET_ORDER"),
        modern_headers("tools/call", "=?base64?Z2V0X29yZGVy=?="),
        modern_headers("tools/call", "=?base64?Z2V0 X29yZGVy?="),
        modern_headers("tools/call", "=?base64?/////w==?="),
        modern_headers("tools/call", "=?BASE64?Z2V0X29yZGVy?="),
    ],
)
async def test_header_that_differs_from_the_body_is_a_mismatch_and_calls_nothing(headers):
    host = FakeHost()
    assert error_of(await send(modern_request("tools/call", CALL), headers, host)) == (400, -32020)
    assert host.calls == []


@pytest.mark.requirement("headers.repeated")
@pytest.mark.parametrize("header", [b"mcp-protocol-version", b"mcp-method", b"mcp-name"])
async def test_repeated_header_is_a_mismatch_even_when_both_are_right(header):
    headers = raw(modern_headers("tools/call", "get_order"))
    headers.append(next(pair for pair in headers if pair[0] == header))
    reply = await answer(headers, orjson.dumps(modern_request("tools/call", CALL)), FakeHost())
    assert error_of(reply) == (400, -32020)


async def test_repeated_header_is_a_mismatch_even_where_none_is_needed():
    headers = [*raw(modern_headers("tools/list")), (b"mcp-name", b"a"), (b"mcp-name", b"a")]
    reply = await answer(headers, orjson.dumps(modern_request("tools/list")), FakeHost())
    assert error_of(reply) == (400, -32020)


@pytest.mark.requirement("headers.base64", "headers.whitespace", "mirrored.unknown")
@pytest.mark.parametrize(
    "headers",
    [
        modern_headers("tools/call", sentinel("get_order")),
        modern_headers("tools/call", " get_order\t"),
        modern_headers("tools/call", "get_order", MCP_Protocol_Version=f" {MODERN} ", Mcp_Method="\ttools/call "),
        modern_headers("tools/call", "get_order", Mcp_Session_Id="x", Mcp_Param_Region="unknown"),
    ],
)
async def test_header_in_another_legal_spelling_is_accepted(headers):
    assert parsed(await send(modern_request("tools/call", CALL), headers))["result"]["structuredContent"] == ORDER


@pytest.mark.requirement("headers.base64")
async def test_tool_name_beyond_ascii_is_compared_decoded():
    reply = await send(modern_request("tools/call", {"name": "größe"}), modern_headers("tools/call", sentinel("größe")))
    assert parsed(reply)["result"]["isError"] is True  # past the header check: an unknown tool


@pytest.mark.requirement("headers.unsupported-version", "era.recognisable")
async def test_version_nobody_speaks_is_refused_with_the_list():
    meta = {**META, VERSION_KEY: "2099-01-01"}
    reply = await send(
        request("tools/list", {"_meta": meta}), modern_headers("tools/list", MCP_Protocol_Version="2099-01-01")
    )
    assert error_of(reply) == (400, -32022)
    assert parsed(reply)["error"]["data"] == {"supported": [MODERN], "requested": "2099-01-01"}


@pytest.mark.requirement("errors.method-not-found", "era.recognisable", "message.error-id")
@pytest.mark.parametrize(
    "method",
    [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/list",
        "prompts/get",
        "subscriptions/listen",
        "tasks/get",
        "",
    ],
)
async def test_method_not_implemented_is_404(method):
    reply = await send_modern(method)
    assert error_of(reply) == (404, -32601)
    assert parsed(reply)["id"] == 1


@pytest.mark.requirement("errors.invalid-params")
@pytest.mark.parametrize(
    "params", [{"name": "get_order", "arguments": []}, {"name": "get_order", "arguments": "x"}, {"name": 5}, {}]
)
async def test_malformed_call_is_invalid_params(params):
    host = FakeHost()
    headers = modern_headers("tools/call", params.get("name") if params.get("arguments") is not None else None)
    assert error_of(await send(modern_request("tools/call", params), headers, host)) == (400, -32602)
    assert host.calls == []


@pytest.mark.requirement("tools.unknown")
async def test_unknown_tool_is_a_result_that_names_this_servers_tools():
    host = FakeHost()
    reply = await send_modern("tools/call", {"name": "get_parcel"}, host)
    result = parsed(reply)["result"]
    validate_server_result("tools/call", MODERN, result)
    error = result["structuredContent"]["error"]
    assert (reply.status, result["isError"], error["type"], error["origin"]) == (
        200,
        True,
        "tool_unavailable",
        "gateway",
    )
    assert error["message"].startswith('There is no tool "get_parcel" here')
    assert error["message"].endswith("This server's tools: get_order, list_orders.")
    assert result["content"][-1]["text"] == error["message"]
    assert (error["tools"], error["list_revision"]) == (["get_order", "list_orders"], "r1")
    assert host.calls == []


async def test_unknown_tool_on_a_server_without_tools_says_so():
    reply = await send_modern("tools/call", {"name": "x"}, FakeHost(outcomes={}))
    assert parsed(reply)["result"]["content"][-1]["text"].endswith("This server has no tools.")


async def test_unknown_tool_with_an_endless_name_is_not_echoed_whole():
    assert len((await send_modern("tools/call", {"name": "x" * 5000})).body) < 1500


@pytest.mark.requirement("tools.cursor")
@pytest.mark.parametrize("cursor", ["page-2", 5, {}, [], False])
async def test_cursor_never_issued_is_invalid_params(cursor):
    assert error_of(await send_modern("tools/list", {"cursor": cursor})) == (400, -32602)


@pytest.mark.parametrize("cursor", [None, ""])
async def test_empty_cursor_is_the_first_page(cursor):
    assert (await send_modern("tools/list", {"cursor": cursor})).status == 200


@pytest.mark.requirement("transport.notification", "headers.notifications", "message.notification")
async def test_notification_is_accepted_with_no_body_and_no_header_checks():
    message = {"jsonrpc": "2.0", "method": "notifications/whatever"}
    reply = await send(message, {"MCP-Protocol-Version": MODERN})
    assert (reply.status, reply.headers, reply.body) == (202, (), b"")


@pytest.mark.requirement("transport.no-posted-response")
async def test_posted_response_is_refused():
    reply = await send({"jsonrpc": "2.0", "id": 4, "result": {}}, {"MCP-Protocol-Version": MODERN})
    assert error_of(reply) == (400, -32600)
    assert parsed(reply)["id"] == 4


@pytest.mark.requirement("transport.one-message", "batch.refused")
async def test_batch_is_refused_and_calls_nothing():
    host = FakeHost()
    assert error_of(await send([modern_request("tools/call", CALL)], modern_headers("tools/call"), host)) == (
        400,
        -32600,
    )
    assert host.calls == []


@pytest.mark.requirement("meta.identity")
@pytest.mark.parametrize("client", [{"name": "openai-mcp", "version": "1"}, {"name": "admin"}, {}, "x", 5, None])
@pytest.mark.parametrize(("method", "params"), [("server/discover", {}), ("tools/list", {}), ("tools/call", CALL)])
async def test_what_a_client_calls_itself_changes_no_answer(method, params, client):
    meta = {**META, "io.modelcontextprotocol/clientInfo": client}
    headers = modern_headers(method, params.get("name"))
    assert await send(request(method, {**params, "_meta": meta}), headers) == await send_modern(method, params)


@pytest.mark.parametrize("responses", [None, 5, "x", [], {"a": 1}, {"a": {}, "b": None}])
async def test_malformed_answers_to_questions_are_invalid_params_and_call_nothing(responses):
    host = FakeHost()
    reply = await send_modern("tools/call", {**CALL, "inputResponses": responses}, host)
    assert error_of(reply) == (400, -32602)
    assert host.calls == []


@pytest.mark.parametrize("responses", [{}, {"name": {"action": "accept", "content": {"x": 1}}}])
async def test_answers_nobody_asked_for_are_ignored(responses):
    assert parsed(await send_modern("tools/call", {**CALL, "inputResponses": responses}))["result"]["isError"] is False
