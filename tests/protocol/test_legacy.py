"""The `initialize` era: negotiation, ping, tools, and what is refused."""

import pytest
from mcp_types.methods import validate_server_result

from mcp_gateway.protocol.versions import negotiate
from tests.protocol.support import LEGACY, META, ORDER, FakeHost, error_of, parsed, request, send

CALL = {"name": "get_order", "arguments": {"id": "7"}}


def init(version):
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


@pytest.mark.requirement("handshake.echo", "handshake.result", "handshake.2024-by-post", "tools.capability")
@pytest.mark.parametrize("version", LEGACY)
async def test_initialize_echoes_a_version_that_is_spoken(version):
    reply = await send(request("initialize", init(version)))
    result = parsed(reply)["result"]
    validate_server_result("initialize", version, result)
    assert reply.status == 200
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {"tools": {}}
    assert result["instructions"] == 'Read "orders" first.'
    assert result["serverInfo"]["name"] == "richpanel-mcp-gateway"


@pytest.mark.requirement("handshake.other-version", "handshake.newest")
@pytest.mark.parametrize("version", ["2026-07-28", "2024-10-07", "1.0", ""])
async def test_initialize_with_another_version_is_offered_the_newest(version):
    assert parsed(await send(request("initialize", init(version))))["result"]["protocolVersion"] == "2025-11-25"
    assert negotiate(version) == "2025-11-25"


@pytest.mark.parametrize("params", [None, {}, {"protocolVersion": 5}, {"protocolVersion": None}])
async def test_initialize_without_a_version_is_invalid_params_that_name_them(params):
    reply = await send(request("initialize", params))
    assert error_of(reply) == (200, -32602)
    assert parsed(reply)["error"]["data"] == {"supported": list(LEGACY)}


async def test_initialize_without_instructions_leaves_the_member_out():
    reply = await send(request("initialize", init("2025-11-25")), host=FakeHost(instructions=None))
    assert "instructions" not in parsed(reply)["result"]


@pytest.mark.requirement("era.per-request")
async def test_initialize_that_carries_modern_meta_is_still_a_handshake():
    reply = await send(request("initialize", {**init("2025-11-25"), "_meta": META}))
    assert parsed(reply)["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.requirement("handshake.no-modern-members", "handshake.2024-by-post", "handshake.ping")
@pytest.mark.parametrize("version", [None, *LEGACY])
@pytest.mark.parametrize(("method", "params"), [("ping", None), ("tools/list", {}), ("tools/call", CALL)])
async def test_results_are_valid_by_each_revisions_schema_and_carry_no_modern_members(version, method, params):
    reply = await send(request(method, params), {"MCP-Protocol-Version": version} if version else {})
    result = parsed(reply)["result"]
    validate_server_result(method, version or "2025-03-26", result)
    assert reply.status == 200
    assert not result.keys() & {"resultType", "ttlMs", "cacheScope"}
    assert result.get("_meta", {}).keys() <= {"richpanel-mcp-gateway/listRevision"}


@pytest.mark.requirement("handshake.no-header", "handshake.no-mcp-headers", "transport.sessions")
async def test_call_needs_no_session_no_version_and_no_mcp_headers():
    host = FakeHost()
    reply = await send(request("tools/call", CALL), {"Mcp-Session-Id": "long-gone"}, host)
    assert parsed(reply)["result"]["structuredContent"] == ORDER
    assert host.calls[0][2].protocol_version == "2025-03-26"


@pytest.mark.requirement("handshake.no-mcp-headers")
async def test_mcp_method_and_name_headers_are_ignored():
    reply = await send(request("tools/call", CALL), {"Mcp-Method": "x", "MCP-Protocol-Version": "2025-11-25"})
    assert parsed(reply)["result"]["isError"] is False


@pytest.mark.requirement("handshake.bad-header")
@pytest.mark.parametrize("version", ["2023-01-01", "latest", "", "2025-11-25, 2025-11-25"])
async def test_request_with_an_unknown_version_header_is_400(version):
    assert error_of(await send(request("tools/list"), {"MCP-Protocol-Version": version})) == (400, -32602)


@pytest.mark.requirement("handshake.method-not-found")
@pytest.mark.parametrize(
    "method", ["server/discover", "resources/list", "prompts/list", "logging/setLevel", "nope", ""]
)
async def test_method_not_implemented_is_200_with_the_error(method):
    assert error_of(await send(request(method), {"MCP-Protocol-Version": "2025-11-25"})) == (200, -32601)


@pytest.mark.requirement("handshake.invalid-params")
@pytest.mark.parametrize(
    "params",
    [[], "x", 5, {"name": "get_order", "_meta": 5}, {}, {"name": None}, {"name": "get_order", "arguments": [1]}],
)
async def test_malformed_call_is_invalid_params_with_200(params):
    host = FakeHost()
    assert error_of(await send(request("tools/call", params), host=host)) == (200, -32602)
    assert host.calls == []


async def test_null_params_and_arguments_count_as_absent():
    host = FakeHost()
    assert (await send({**request("ping"), "params": None})).status == 200
    await send(request("tools/call", {"name": "get_order", "arguments": None, "_meta": None}), host=host)
    assert host.calls[0][1] == {}


@pytest.mark.requirement("tools.unknown")
@pytest.mark.parametrize("version", LEGACY)
async def test_unknown_tool_is_a_result_that_names_this_servers_tools(version):
    reply = await send(request("tools/call", {"name": "get_parcel"}), {"MCP-Protocol-Version": version})
    result = parsed(reply)["result"]
    validate_server_result("tools/call", version, result)
    assert result["structuredContent"]["error"]["type"] == "tool_unavailable"
    assert "get_order, list_orders" in result["content"][-1]["text"]


@pytest.mark.requirement(
    "transport.notification", "transport.posted-response", "handshake.cancelled", "message.notification"
)
@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "method": "tools/call", "params": CALL},
        {"jsonrpc": "2.0", "method": "x", "params": 5},
        {"jsonrpc": "2.0", "id": 4, "result": {}},
        {"jsonrpc": "2.0", "id": "4", "error": {"code": 1, "message": "no"}},
    ],
)
async def test_notification_and_posted_response_are_accepted_and_call_nothing(message):
    host = FakeHost()
    reply = await send(message, host=host)
    assert (reply.status, reply.headers, reply.body) == (202, (), b"")
    assert host.calls == []
