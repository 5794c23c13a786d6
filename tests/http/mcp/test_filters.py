"""A server lists and calls what its filters leave, and nothing else."""

from typing import Any

import pytest

from tests.support.catalog import EVERY_TOOL

WRITE_TOOLS = [name for name in EVERY_TOOL if name.startswith(("create_", "update_", "delete_"))]
ORDER_TOOLS = [
    "get_richpanel_conversation_context",
    "create_a_richpanel_conversation_order",
    "list_all_richpanel_orders",
    "get_single_richpanel_order_by_id",
    "create_a_richpanel_order",
    "create_a_richpanel_subscription",
]


async def refusal(gateway, token, tool):
    response = await gateway.rpc(token, "tools/call", {"name": tool, "arguments": {}})
    result = response.json()["result"]
    assert (response.status_code, result["isError"]) == (200, True)
    error: dict[str, Any] = result["structuredContent"]["error"]
    return error


@pytest.mark.requirement("tools.list")
async def test_reading_server_lists_no_write_tool(gateway):
    server = await gateway.server({"methods": ["read"]})
    names = await gateway.tool_names(server.token)
    assert names == [name for name in EVERY_TOOL if name not in WRITE_TOOLS]


@pytest.mark.requirement("tools.access")
@pytest.mark.parametrize("tool", WRITE_TOOLS)
async def test_reading_server_refuses_a_write_tool_called_by_name(gateway, tool):
    server = await gateway.server({"methods": ["read"]})
    error = await refusal(gateway, server.token, tool)
    never = await refusal(gateway, server.token, "never_there")
    assert error["message"].replace(tool, "never_there") == never["message"]
    assert error["type"] == never["type"] == "tool_unavailable"
    for name in await gateway.tool_names(server.token):
        assert name in error["message"]


@pytest.mark.requirement("tools.list")
async def test_orders_server_lists_only_order_tools(gateway):
    server = await gateway.server({"tags": ["orders"]})
    assert await gateway.tool_names(server.token) == ORDER_TOOLS
    await refusal(gateway, server.token, "list_all_richpanel_conversations")


async def test_methods_and_tags_both_have_to_pass(gateway):
    server = await gateway.server({"methods": ["get", "update"], "tags": ["orders"]})
    names = ["get_richpanel_conversation_context", "get_single_richpanel_order_by_id"]
    assert await gateway.tool_names(server.token) == names


async def test_exact_tool_name_is_a_method(gateway):
    server = await gateway.server({"methods": ["list", "get_single_richpanel_order_by_id"]})
    names = await gateway.tool_names(server.token)
    assert "get_single_richpanel_order_by_id" in names
    assert "get_single_richpanel_conversation_by_id" not in names


@pytest.mark.requirement("tools.execution-errors")
async def test_arguments_that_do_not_fit_are_a_tool_error_that_says_which(gateway):
    server = await gateway.server()
    result = await gateway.call(server.token, "get_single_richpanel_conversation_by_id", {"ID": 1})
    assert result["isError"]
    error = result["structuredContent"]["error"]
    assert (error["type"], error["origin"]) == ("invalid_arguments", "gateway")
    assert "id" in error["message"]


@pytest.mark.requirement("tools.execution-errors")
async def test_unreachable_richpanel_is_a_tool_error_and_not_an_http_error(gateway):
    server = await gateway.server()
    result = await gateway.call(server.token, "list_all_richpanel_conversations", {})
    error = result["structuredContent"]["error"]
    assert (error["type"], error["origin"]) == ("upstream_unreachable", "upstream")
    assert "rp_test_key" not in str(result)


@pytest.mark.requirement("tools.name-case")
async def test_name_in_another_case_is_another_tool(gateway):
    server = await gateway.server()
    name = "list_all_richpanel_orders"
    for other in (name.upper(), name.title()):
        assert (await refusal(gateway, server.token, other))["type"] == "tool_unavailable"
