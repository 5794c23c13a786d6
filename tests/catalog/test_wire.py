"""What each example of each tool puts on the wire, in full.

tests/data/catalog/requests.json is rewritten by UPDATE_DATA=1 and read in review against Richpanel's reference.
"""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from mcp_gateway.catalog.procedure import value_at
from mcp_gateway.catalog.run import PLAIN_RUN
from mcp_gateway.catalog.tool import Integration, Tool
from mcp_gateway.models.upstream import Exchange, UpstreamRequest
from tests.catalog.dialogues import ok
from tests.catalog.forms import by_python_multipart

EXPECTED = Path(__file__).parents[1] / "data" / "catalog" / "requests.json"
NOON = PLAIN_RUN._replace(now=datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC))
TICKET = {"id": "<made-up@mail.example>", "customer_profile": {"email": "ada@shopper.example"}}
LINK = {"orderId": "11111", "appClientId": "acme1230"}


def upstream(request: UpstreamRequest) -> Exchange:
    """As much of Richpanel as a dialogue needs to go on."""
    if request.target.startswith("/tickets/"):
        return ok({"ticket": TICKET})
    return ok(LINK if request.target.startswith("/order/") else {})


def sent(tool: Tool, arguments: Mapping[str, Any]) -> list[UpstreamRequest]:
    """The requests of one call, in order; those of one round follow one another."""
    steps = tool.steps(arguments, NOON)
    requests: list[UpstreamRequest] = []
    try:
        together = next(steps)
        while True:
            requests += together
            together = steps.send(tuple(map(upstream, together)))
    except StopIteration:
        return requests


def shown(request: UpstreamRequest) -> dict[str, Any]:
    """A request as the document has it: a form by its parts, its boundary left out."""
    wire: dict[str, Any] = {"method": request.method, "target": request.target}
    if request.body is None:
        return wire
    media_type = request.content_type.partition(";")[0]
    if media_type == "application/json":
        return {**wire, "content_type": media_type, "body": orjson.loads(request.body)}
    parts = by_python_multipart(request.content_type, request.body)
    return {**wire, "content_type": media_type, "body": [{**about, "bytes": len(held)} for about, held in parts]}


def test_requests_of_all_examples_are_the_expected_document(richpanel: Integration) -> None:
    found = {
        tool.name: [
            {"arguments": example.arguments, "requests": [*map(shown, sent(tool, example.arguments))]}
            for example in tool.examples
        ]
        for tool in richpanel.tools
    }
    if os.environ.get("UPDATE_DATA"):
        EXPECTED.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    assert found == orjson.loads(EXPECTED.read_bytes())


def test_example_sends_at_most_one_write_and_four_requests(richpanel: Integration) -> None:
    for tool in richpanel.tools:
        for example in tool.examples:
            requests = sent(tool, example.arguments)
            assert 1 <= len(requests) <= 4, tool.name
            assert sum(request.is_write for request in requests) == tool.is_write, tool.name


ORDERED = (
    "event",
    "properties.orderId",
    "properties.orderDbKey",
    "properties.amount",
    "properties.items",
    "time.sentAt",
)
BY_NUMBER = "/tickets/number/{conversationNo}"
REFERENCE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "create_a_richpanel_conversation_message": ("PUT", "/tickets/{id}/send-message", ("body", "author_id")),
    "create_a_richpanel_conversation_order": ("PUT", "/tickets/{id}/attach-order/{appClientId}/{orderId}", ()),
    "create_a_richpanel_conversation_tag": ("PUT", "/tickets/{id}/add-tags", ("tags",)),
    "delete_a_richpanel_conversation_tag_by_id": ("PUT", "/tickets/{id}/remove-tags", ("tags",)),
    "list_all_richpanel_conversations": ("GET", "/tickets", ()),
    "get_single_richpanel_conversation_by_id": ("GET", "/tickets/{id}", ()),
    "get_single_richpanel_conversation_by_number": ("GET", BY_NUMBER, ()),
    "list_all_richpanel_customer_conversations": ("GET", "/tickets/{type}/{id}", ()),
    "create_a_richpanel_conversation": (
        "POST",
        "/tickets",
        ("ticket.comment.body", "ticket.comment.sender_type", "ticket.via.channel", "ticket.via.source.from"),
    ),
    "update_a_richpanel_conversation_by_id": ("PUT", "/tickets/{id}", ("ticket",)),
    "get_single_richpanel_customer_by_id": ("GET", "/customers/{type}/{id}", ()),
    "create_a_richpanel_customer": ("POST", "/customers", ("customer.uid",)),
    "list_all_richpanel_users": ("GET", "/users", ()),
    "get_single_richpanel_user_by_id": ("GET", "/users/{id}", ()),
    "list_all_richpanel_teams": ("GET", "/teams", ()),
    "list_all_richpanel_tags": ("GET", "/tags", ()),
    "create_a_richpanel_tag": ("POST", "/tags", ("name",)),
    "list_all_richpanel_channels": ("GET", "/channel", ()),
    "get_single_richpanel_channel_by_id": ("GET", "/channel/{id}", ()),
    "create_a_richpanel_file": ("POST", "/file/upload", ("0.name", "0.filename")),
    "list_all_richpanel_orders": ("GET", "/order/{conversationId}", ()),
    "get_single_richpanel_order_by_id": ("GET", "/order/{appclient_id}/{order_id}", ()),
    "create_a_richpanel_order": (
        "POST",
        "/order/{appclient_id}",
        tuple(f"orders.0.{path}" for path in (*ORDERED, "appClientId", "userProperties.uid")),
    ),
    "create_a_richpanel_report_query": ("POST", "/reports/query", ("startDate", "endDate", "metrics")),
    "create_a_richpanel_subscription": (
        "POST",
        "/subscription/{appclient_id}",
        tuple(f"subscriptions.0.{path}" for path in (*ORDERED, "appClientId", "user_properties.uid")),
    ),
}
"""Verb, path and what the body must hold, copied by hand from Richpanel's reference: its 25 operations."""


def test_reference_holds_the_25_operations(richpanel: Integration) -> None:
    assert len(REFERENCE) == 25
    assert {tool.name for tool in richpanel.tools} - REFERENCE.keys() == {"get_richpanel_conversation_context"}


@pytest.mark.parametrize("name", REFERENCE)
def test_examples_have_the_verb_the_path_and_the_body_of_the_reference(richpanel: Integration, name: str) -> None:
    verb, template, members = REFERENCE[name]
    tool = richpanel.by_name[name]
    for example in tool.examples:
        # A number is read by another operation of the reference.
        by_number = name == "get_single_richpanel_conversation_by_id" and example.arguments["id"].isdigit()
        path = re.compile(re.sub(r"\{\w+\}", "[^/?]+", BY_NUMBER if by_number else template))
        own = [one for one in map(shown, sent(tool, example.arguments)) if one["method"] == verb]
        matching = [one for one in own if path.fullmatch(one["target"].partition("?")[0])]
        assert len(matching) == 1, own
        assert ("body" in matching[0]) is bool(members)
        missing = [member for member in members if value_at(matching[0]["body"], member) is None]
        assert missing == []


@pytest.mark.parametrize(
    ("channel", "source"),
    [
        ("email", {"from": {"address": "a"}, "to": {"address": "b"}}),
        *(
            (channel, {"from": {"id": "a"}, "to": {"id": "b"}})
            for channel in ("messenger", "facebook_message", "instagram", "aircall", "phone", "whatsapp")
        ),
    ],
)
def test_new_conversation_names_both_sides_as_its_channel_wants_them(
    richpanel: Integration, channel: str, source: dict[str, Any]
) -> None:
    tool = richpanel.by_name["create_a_richpanel_conversation"]
    [request] = sent(tool, {"body": "x", "from": "a", "to": "b", "channel": channel})
    assert shown(request)["body"]["ticket"]["via"] == {"channel": channel, "source": source}
    [alone] = sent(tool, {"body": "x", "from": "a", "channel": channel})
    assert shown(alone)["body"]["ticket"]["via"]["source"] == {"from": source["from"]}


@pytest.mark.parametrize("name", ["create_a_richpanel_order", "create_a_richpanel_subscription"])
def test_event_keeps_its_own_members_whatever_is_said_beside_them(richpanel: Integration, name: str) -> None:
    tool = richpanel.by_name[name]
    beside = {"orderId": "other", "orderDbKey": "other", "amount": 0, "items": [], "billingCity": "Bern"}
    arguments = {
        **tool.examples[0].arguments,
        "properties": beside,
        "customer": {"uid": "other", "email": "a@b.example"},
    }
    [request] = sent(tool, arguments)
    [[event]] = shown(request)["body"].values()
    assert event["properties"]["orderId"] == event["properties"]["orderDbKey"] == arguments["order_id"]
    assert (event["properties"]["amount"], event["properties"]["billingCity"]) == (arguments["amount"], "Bern")
    person = event["userProperties" if name == "create_a_richpanel_order" else "user_properties"]
    assert person == {"uid": "c-1001", "email": "a@b.example"}


def test_comment_is_internal_unless_it_is_said_to_be_public(richpanel: Integration) -> None:
    tool = richpanel.by_name["update_a_richpanel_conversation_by_id"]
    for given, public in (({}, False), ({"comment_public": False}, False), ({"comment_public": True}, True)):
        [request] = sent(tool, {"id": "m", "comment_body": "x", **given})
        assert shown(request)["body"]["ticket"]["comment"]["public"] is public
