from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.identifiers import segment_problem
from mcp_gateway.exceptions import InvalidInputError
from tests.catalog.conftest import ToolByName

NEWEST = "sortKey=createdAt&order=DESC&sortOrder=DESC"


@pytest.mark.parametrize(
    ("name", "arguments", "target"),
    [
        ("list_all_richpanel_conversations", {}, f"/tickets?page=1&per_page=25&{NEWEST}"),
        ("list_all_richpanel_conversations", {"limit": 7.0}, f"/tickets?page=1&per_page=7&{NEWEST}"),
        (
            "list_all_richpanel_conversations",
            {"limit": 10, "status": "OPEN"},
            f"/tickets?page=1&per_page=10&status=OPEN&{NEWEST}",
        ),
        ("get_single_richpanel_conversation_by_id", {"id": "<a+b/c@x.y>"}, "/tickets/%3Ca%2Bb%2Fc%40x.y%3E"),
        ("list_all_richpanel_orders", {"conversation_id": "?x=1"}, "/order/%3Fx%3D1"),
        ("get_single_richpanel_order_by_id", {"appclient_id": "acme1230", "id": "#1/2"}, "/order/acme1230/%231%2F2"),
        ("get_single_richpanel_order_by_id", {"appclient_id": "{id}", "id": "x"}, "/order/%7Bid%7D/x"),
    ],
)
def test_read_is_a_get_without_a_body(tool: ToolByName, name: str, arguments: dict[str, Any], target: str) -> None:
    request = tool(name).build_request(arguments)
    assert (request.method, request.target, request.body, request.is_write) == ("GET", target, None, False)


@pytest.mark.parametrize(
    ("arguments", "ticket"),
    [
        ({}, {}),
        ({"status": "CLOSED"}, {"status": "CLOSED"}),
        (
            {"comment_body": "Parcel is on its way."},
            {"comment": {"body": "Parcel is on its way.", "sender_type": "operator", "public": False}},
        ),
        (
            {"comment_body": "x", "comment_public": True, "comment_sender_type": "customer"},
            {"comment": {"body": "x", "sender_type": "customer", "public": True}},
        ),
        (
            {
                "priority": "HIGH",
                "subject": "S",
                "assignee_id": "unassigned",
                "tags": ["a", "b"],
                "customer_profile": {"firstName": "Ada"},
            },
            {
                "priority": "HIGH",
                "subject": "S",
                "assignee_id": "unassigned",
                "tags": ["a", "b"],
                "customer_profile": {"firstName": "Ada"},
            },
        ),
    ],
)
def test_update_wraps_only_what_was_given(tool: ToolByName, arguments: dict[str, Any], ticket: dict[str, Any]) -> None:
    request = tool("update_a_richpanel_conversation_by_id").build_request({"id": "m@x", **arguments})
    assert (request.method, request.target, request.is_write) == ("PUT", "/tickets/m%40x", True)
    assert request.body is not None
    assert orjson.loads(request.body) == {"ticket": ticket}


def test_tags_go_unwrapped(tool: ToolByName) -> None:
    request = tool("create_a_richpanel_conversation_tag").build_request({"conversation_id": "<m@x>", "tags": ["vip"]})
    assert (request.method, request.target) == ("PUT", "/tickets/%3Cm%40x%3E/add-tags")
    assert (request.body, request.is_write) == (b'{"tags":["vip"]}', True)


def test_building_leaves_the_arguments_alone(tool: ToolByName) -> None:
    arguments = {"id": "1", "comment_body": "x", "customer_profile": {"a": 1}}
    tool("update_a_richpanel_conversation_by_id").build_request(arguments)
    assert arguments == {"id": "1", "comment_body": "x", "customer_profile": {"a": 1}}


@pytest.mark.parametrize("value", ["..", "", "a\nb", "Number", "\ud800"])
def test_hostile_id_is_refused_even_when_nobody_validated(tool: ToolByName, value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        tool("get_single_richpanel_conversation_by_id").build_request({"id": value})
    assert caught.value.problems[0].path == "id"


def test_altered_cursor_is_refused_even_when_nobody_validated(tool: ToolByName) -> None:
    with pytest.raises(InvalidInputError) as caught:
        tool("list_all_richpanel_conversations").build_request({"next_cursor": "bogus"})
    assert caught.value.problems[0].path == "next_cursor"


@given(value=st.text(max_size=60))
def test_id_reaches_the_target_as_one_segment_or_not_at_all(tool: ToolByName, value: str) -> None:
    update = tool("update_a_richpanel_conversation_by_id")
    problems = update.validate({"id": value, "status": "CLOSED"})
    assert bool(problems) is (segment_problem(value, ("number", "email", "phone")) is not None)
    if problems:
        return
    parts = urlsplit("https://api.example" + update.build_request({"id": value}).target)
    _, prefix, segment = parts.path.split("/")
    assert (prefix, unquote(segment), parts.query, parts.fragment) == ("tickets", value, "", "")


def test_empty_values_of_an_order_are_not_sent(tool: ToolByName) -> None:
    item = {"id": "p-1", "name": "Shirt", "price": 0, "quantity": 1, "color": "", "options": [{"size": None}, ""]}
    event = {
        "appclient_id": "acme1230",
        "order_id": "s-1",
        "customer_uid": "c-1",
        "amount": 0,
        "items": [item],
        "customer": {"email": "", "firstName": "Ada", "address": {"city": ""}},
        "properties": {"trialEnd": "", "isGift": False, "shippingCity": "Bern", "fulfillment": []},
    }
    sent_item = {"id": "p-1", "name": "Shirt", "price": 0, "quantity": 1}
    properties = {"orderId": "s-1", "orderDbKey": "s-1", "amount": 0, "items": [sent_item], "isGift": False}
    properties["shippingCity"] = "Bern"
    subscription = {**event, "start": "", "next_payment": ""}
    for name, arguments, wrapper, user in (
        ("create_a_richpanel_order", event, "orders", "userProperties"),
        ("create_a_richpanel_subscription", subscription, "subscriptions", "user_properties"),
    ):
        assert tool(name).validate(arguments) == ()
        [sent] = orjson.loads(tool(name).build_request(arguments).body or b"")[wrapper]
        assert sent["properties"] == properties
        assert sent[user] == {"uid": "c-1", "firstName": "Ada"}


def test_empty_values_elsewhere_are_sent_because_they_may_clear_something(tool: ToolByName) -> None:
    arguments = {"id": "m", "subject": "", "tags": [], "customer_profile": {"city": ""}}
    body = orjson.loads(tool("update_a_richpanel_conversation_by_id").build_request(arguments).body or b"")
    assert body == {"ticket": {"subject": "", "tags": [], "customer_profile": {"city": ""}}}
