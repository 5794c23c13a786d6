"""The documents as clients see them; tests/data/catalog/tools.json is rewritten by UPDATE_DATA=1 and read in review."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from mcp_gateway.catalog.tool import Integration
from tests.catalog.conftest import ToolByName

EXPECTED = Path(__file__).parents[1] / "data" / "catalog" / "tools.json"

SIX = {
    "list_all_richpanel_conversations": ([], ["status", "limit", "next_cursor"]),
    "get_single_richpanel_conversation_by_id": (["id"], []),
    "update_a_richpanel_conversation_by_id": (
        ["id"],
        [
            *["status", "priority", "subject", "assignee_id", "tags", "customer_profile"],
            *["comment_body", "comment_sender_type", "comment_public"],
        ],
    ),
    "list_all_richpanel_orders": (["conversation_id"], []),
    "get_single_richpanel_order_by_id": (["appclient_id", "id"], []),
    "create_a_richpanel_conversation_tag": (["conversation_id", "tags"], []),
}
"""Of the first milestone: required and optional arguments as the contract names them. It may grow, never shrink."""
ORDER_ARGUMENTS = ["currency", "status", "customer", "properties"]
PAGE = ["limit", "next_cursor", "fields"]
CONTRACT = {
    "get_richpanel_conversation_context": (["id"], ["fields", "next_cursor"]),
    "create_a_richpanel_conversation_message": (
        ["conversation_id", "body"],
        ["author_id", "attachments", "allow_duplicate"],
    ),
    "create_a_richpanel_conversation_order": (["conversation_id", "appclient_id", "order_id"], []),
    "create_a_richpanel_conversation_tag": (["conversation_id", "tags"], []),
    "delete_a_richpanel_conversation_tag_by_id": (["conversation_id", "tags"], []),
    "list_all_richpanel_conversations": (
        [],
        ["status", "sort_by", "sort_order", "start_date", "end_date", *PAGE],
    ),
    "get_single_richpanel_conversation_by_id": (["id"], ["fields", "next_cursor"]),
    "get_single_richpanel_conversation_by_number": (["conversation_no"], ["fields", "next_cursor"]),
    "list_all_richpanel_customer_conversations": (["type", "value"], PAGE),
    "create_a_richpanel_conversation": (
        ["body", "from"],
        [
            *["to", "channel", "subject", "sender_type", "comment_public", "status", "priority", "assignee_id"],
            *["tags", "customer_profile", "allow_duplicate"],
        ],
    ),
    "update_a_richpanel_conversation_by_id": (
        ["id"],
        [
            *["status", "priority", "subject", "assignee_id", "tags", "customer_profile", "snoozed_till"],
            *["comment_body", "comment_sender_type", "comment_public", "verify", "allow_duplicate"],
        ],
    ),
    "get_single_richpanel_customer_by_id": (["type", "value"], ["fields"]),
    "create_a_richpanel_customer": (["uid"], ["appclient_id", "email", "name", "phone", "properties"]),
    "list_all_richpanel_users": ([], PAGE),
    "get_single_richpanel_user_by_id": (["id"], ["fields"]),
    "list_all_richpanel_teams": ([], PAGE),
    "list_all_richpanel_tags": ([], PAGE),
    "create_a_richpanel_tag": (["name"], ["description", "allow_duplicate"]),
    "list_all_richpanel_channels": ([], PAGE),
    "get_single_richpanel_channel_by_id": (["id"], ["fields"]),
    "create_a_richpanel_file": (["content", "name"], ["allow_duplicate"]),
    "list_all_richpanel_orders": (["conversation_id"], ["fields"]),
    "get_single_richpanel_order_by_id": (["appclient_id", "id"], ["fields"]),
    "create_a_richpanel_order": (["appclient_id", "order_id", "customer_uid", "amount", "items"], ORDER_ARGUMENTS),
    "create_a_richpanel_report_query": (
        ["start_date", "end_date", "metrics"],
        ["dimensions", "filters", "timezone", "fields"],
    ),
    "create_a_richpanel_subscription": (
        ["appclient_id", "order_id", "customer_uid", "amount", "items"],
        ["status", "start", "next_payment", "customer", "properties"],
    ),
}
"""All of them, by hand: a renamed argument is a broken promise to whoever calls by name."""


@pytest.mark.requirement("tools.order")
def test_definitions_are_the_expected_document(richpanel: Integration) -> None:
    found = [dict(tool.definition) for tool in richpanel.tools]
    if os.environ.get("UPDATE_DATA"):
        EXPECTED.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    assert found == orjson.loads(EXPECTED.read_bytes())


def test_tools_and_arguments_are_those_of_the_contract(richpanel: Integration) -> None:
    found = {
        tool.name: (
            tool.input_schema.get("required", []),
            [name for name in tool.input_schema["properties"] if name not in tool.input_schema.get("required", [])],
        )
        for tool in richpanel.tools
    }
    assert found == CONTRACT


@pytest.mark.parametrize("name", SIX)
def test_first_six_keep_what_they_were_published_with(name: str) -> None:
    required, optional = SIX[name]
    assert CONTRACT[name][0] == required
    assert set(optional) <= set(CONTRACT[name][1])


@pytest.mark.parametrize("name", CONTRACT)
def test_query_and_body_split_the_arguments(tool: ToolByName, name: str) -> None:
    query, body = tool(name).query_schema, tool(name).body_schema
    parts = {**query["properties"], **(body["properties"] if body else {})}
    assert parts == tool(name).input_schema["properties"]
    # Linking an order is a write that its path says all of; a report is a read whose question is a body.
    exceptions = {"create_a_richpanel_conversation_order", "create_a_richpanel_report_query"}
    assert (body is not None) is (tool(name).is_write is not (name in exceptions))
    required = {*query.get("required", []), *(body.get("required", []) if body else [])}
    assert required == set(tool(name).input_schema.get("required", []))


@pytest.mark.requirement("tools.output-conforms")
@pytest.mark.parametrize("name", CONTRACT)
@pytest.mark.parametrize(
    "structured",
    [
        {"error": {"type": "not_found", "origin": "upstream", "status": 404, "message": "x"}},
        {"result": [], "next_cursor": None},
        {"result": [{"id": "1"}], "next_cursor": "x", "more": 1},
    ],
)
def test_output_schema_admits_success_and_error(tool: ToolByName, name: str, structured: dict[str, Any]) -> None:
    schema = tool(name).output_schema
    if schema["properties"]["result"].get("type") == "object" and "result" in structured:
        structured = {**structured, "result": {}}
    Draft202012Validator(dict(schema)).validate(structured)


@pytest.mark.parametrize("name", CONTRACT)
def test_examples_are_valid_and_can_be_sent(tool: ToolByName, name: str) -> None:
    assert len(tool(name).examples) == 2
    for example in tool(name).examples:
        assert tool(name).validate(example.arguments) == ()
        Draft202012Validator(dict(tool(name).input_schema)).validate(example.arguments)
        assert next(tool(name).steps(example.arguments))
        if tool(name).binding is not None:
            assert tool(name).build_request(example.arguments).is_write is tool(name).is_write


def test_kind_and_annotations_agree(richpanel: Integration) -> None:
    for tool in richpanel.tools:
        assert tool.kind == ("write" if tool.method in {"create", "update", "delete"} else "read")
        assert tool.annotations["readOnlyHint"] is not tool.is_write
        assert tool.is_write is (tool.kind == "write" and tool.name != "create_a_richpanel_report_query")
        assert tool.annotations["title"] == tool.title
        assert tool.documentation.startswith("https://developer.richpanel.com/reference/")


def test_unknown_tool_is_none(richpanel: Integration) -> None:
    assert richpanel.tool("nonsense") is None
    assert richpanel.tool("list_all_richpanel_orders") is richpanel.by_name["list_all_richpanel_orders"]
