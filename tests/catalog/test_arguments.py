from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.arguments import MAX_PROBLEMS
from mcp_gateway.catalog.cursor import CursorCodec, Position
from mcp_gateway.catalog.tool import Tool
from tests.catalog.answers import GET, LINK, LIST, ORDER, TAG, UPDATE
from tests.catalog.conftest import ToolByName


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (LIST, {}),
        (LIST, {"status": "OPEN", "limit": 100}),
        (GET, {"id": "<a+b/c@x.y>"}),
        (UPDATE, {"id": "1", "tags": []}),
        (UPDATE, {"id": "1", "tags": [], "subject": "", "customer_profile": {"x": [1, None]}}),
        (UPDATE, {"id": "1", "comment_body": "hi", "comment_public": True, "comment_sender_type": "customer"}),
        (UPDATE, {"id": "1", "customer_profile": nested(60)}),
        (TAG, {"conversation_id": "1", "tags": ["a"]}),
        (LINK, {"conversation_id": "?x=1"}),
        (ORDER, {"appclient_id": "number", "id": "a/b"}),
    ],
)
def test_fitting_arguments_have_no_problem(tool: ToolByName, name: str, arguments: dict[str, Any]) -> None:
    assert tool(name).validate(arguments) == ()
    assert tool(name).validate(MappingProxyType(arguments)) == ()


@pytest.mark.requirement("tools.inputs", "tools.dialect")
@pytest.mark.parametrize(
    ("name", "arguments", "path", "code", "words"),
    [
        (LIST, {"limit": "5"}, "limit", "type", 'must be an integer, got the string "5"'),
        (LIST, {"limit": True}, "limit", "type", "must be an integer, got the boolean true"),
        (LIST, {"limit": 0}, "limit", "minimum", "must be at least 1, got the number 0"),
        (LIST, {"limit": 101}, "limit", "maximum", "must be at most 100, got the number 101"),
        (LIST, {"limit": None}, "limit", "type", "got null; leave the argument out"),
        (LIST, {"status": "open"}, "status", "enum", 'must be one of OPEN, CLOSED; got the string "open"'),
        (LIST, {"status": "close"}, "status", "enum", 'got the string "close". Did you mean `CLOSED`?'),
        (LIST, {"status": "resolved"}, "status", "enum", 'must be one of OPEN, CLOSED; got the string "resolved".'),
        (LIST, {"status": []}, "status", "enum", "got an array"),
        (LIST, {"next_cursor": ""}, "next_cursor", "cursor", "is not a cursor this tool gave out"),
        (LIST, {"next_cursor": "\ud800"}, "next_cursor", "value", "valid Unicode"),
        (
            LIST,
            {"cursor": "x"},
            "cursor",
            "unknown",
            "Did you mean `next_cursor`? It takes: status, sort_by, sort_order, ",
        ),
        (GET, {}, "id", "required", "`id` is required: Id, e.g. <CAF1x@mail.example>, or number."),
        (GET, {"id": 84920}, "id", "type", "must be a string, got the number 84920"),
        (GET, {"id": {}}, "id", "type", "got an object"),
        (GET, {"id": ""}, "id", "minLength", "must not be empty"),
        (GET, {"id": "  "}, "id", "segment", "must not be empty"),
        (GET, {"id": ".."}, "id", "segment", 'must not be "." or ".."'),
        (GET, {"id": "a\x85"}, "id", "segment", "control characters"),
        (GET, {"id": "\ud800"}, "id", "value", "lone surrogates"),
        (GET, {"id": "Email"}, "id", "segment", "the words number, email, phone"),
        (TAG, {"conversation_id": "PHONE", "tags": ["a"]}, "conversation_id", "segment", "name other routes"),
        (TAG, {"conversation_id": "1", "tags": []}, "tags", "minItems", "must have at least 1 item."),
        (TAG, {"conversation_id": "1", "tags": ["a", 4]}, "tags.1", "type", "must be a string, got the number 4"),
        (TAG, {"conversation_id": "1", "tags": "a"}, "tags", "type", "must be an array"),
        (TAG, {"conversation_id": "1"}, "tags", "required", "is required"),
        (LINK, {"conversation_id": "number"}, "conversation_id", "segment", "must be an id"),
        (ORDER, {"appclient_id": ".", "id": "1"}, "appclient_id", "segment", 'must not be "."'),
        (ORDER, {"appclient_id": "a", "id": "\x00"}, "id", "segment", "control characters"),
        (UPDATE, {"id": "1", "priority": "MEDIUM"}, "priority", "enum", "LOW, HIGH"),
        (
            UPDATE,
            {"id": "1", "comment_public": True},
            "comment_public",
            "requires",
            "means nothing without `comment_body`",
        ),
        (UPDATE, {"id": "1"}, "", "nothing", "Nothing would change: give at least one of status, priority, subject"),
        (UPDATE, {"id": "1", "verify": True}, "", "nothing", "give at least one of"),
        (UPDATE, {"id": "1", "customer_profile": {}}, "", "nothing", "give at least one of"),
        (UPDATE, {"id": "1", "comment_body": " \n"}, "comment_body", "minLength", "must not be empty"),
        (
            "create_a_richpanel_conversation_message",
            {"conversation_id": "1", "body": "\u00a0 "},
            "body",
            "minLength",
            "must not be empty",
        ),
        (UPDATE, {"id": "1", "comment_body": ""}, "comment_body", "minLength", "must not be empty"),
        (UPDATE, {"id": "1", "customer_profile": {"a": 10**30}}, "customer_profile.a", "value", "too large"),
        (UPDATE, {"id": "1", "customer_profile": {"a": ["\udfff"]}}, "customer_profile.a.0", "value", "valid Unicode"),
        (UPDATE, {"id": "1", "customer_profile": {"\ud800": 1}}, "customer_profile", "unicode", "name of an argument"),
        (
            UPDATE,
            {"id": "1", "customer_profile": {"a": b"x"}},
            "customer_profile.a",
            "value",
            "not a JSON value, got a bytes",
        ),
        (UPDATE, {"id": "1", "\ud800": 1}, "", "unicode", "name of an argument"),
    ],
)
def test_problem_names_place_and_what_is_allowed(
    tool: ToolByName, name: str, arguments: dict[str, Any], path: str, code: str, words: str
) -> None:
    problems = tool(name).validate(arguments)
    assert [(problem.path, problem.code) for problem in problems] == [(path, code)]
    assert words in problems[0].message
    assert problems[0].message.isprintable() or "\n" not in problems[0].message


def test_nearest_value_is_named_only_where_one_is_near(tool: ToolByName) -> None:
    for value, hint in {"closd ": "CLOSED", "OPNE": "OPEN", "x" * 100_000: "", "SNOOZED": "", "": ""}.items():
        (problem,) = tool(LIST).validate({"status": value})
        assert problem.allowed == ("OPEN", "CLOSED")
        said = problem.message.removesuffix(" Leave out for both.")
        assert said != problem.message
        assert said.endswith(f" Did you mean `{hint}`?" if hint else '".')
        assert "Did you mean" not in said or hint


@pytest.mark.parametrize("arguments", [None, [], "x", 3, True])
def test_arguments_that_are_no_object_are_refused(tool: ToolByName, arguments: object) -> None:
    (problem,) = tool(GET).validate(arguments)
    assert (problem.path, problem.code) == ("", "type")
    assert "must be an object" in problem.message


def test_every_problem_is_reported_sorted_by_place(tool: ToolByName) -> None:
    arguments = {"id": "NUMBER", "statu": "x", "status": "open", "tags": ["", 4], "comment_public": True, "subject": 1}
    problems = tool(UPDATE).validate({**arguments, "customer_profile": {"a": "\ud800"}})
    assert [problem.path for problem in problems] == [
        "comment_public",
        "customer_profile.a",
        "id",
        "statu",
        "status",
        "subject",
        "tags.0",
        "tags.1",
    ]
    by_path = {problem.path: problem for problem in problems}
    assert by_path["status"].allowed == ("OPEN", "CLOSED")
    assert by_path["statu"].allowed[:2] == ("id", "status")


def test_deep_value_is_refused_before_the_serialiser_is_asked(tool: ToolByName) -> None:
    for levels in range(235, 262):
        arguments = {"id": "1", "customer_profile": nested(levels)}
        problems = tool(UPDATE).validate(arguments)
        if not problems:
            tool(UPDATE).build_request(arguments)
    assert tool(UPDATE).validate({"id": "1", "customer_profile": nested(300)})[0].code == "depth"


def test_number_of_problems_is_bounded(tool: ToolByName) -> None:
    problems = tool(GET).validate({f"name_{index}" * 50: 1 for index in range(5000)})
    assert len(problems) == MAX_PROBLEMS
    assert all(len(problem.message) < 300 for problem in problems)


def cursor_for(tool: Tool, arguments: Mapping[str, Any], page: int = 2, limit: int = 25) -> str:
    assert tool.paging is not None
    return CursorCodec().encode(Position(page, limit), tool.paging.scope(arguments))


def test_cursor_keeps_the_page_size_it_was_started_with(tool: ToolByName) -> None:
    conversations = tool(LIST)
    cursor = cursor_for(conversations, {"status": "OPEN"}, page=4, limit=10)
    for arguments in ({"limit": 10}, {"limit": 10.0}, {}):
        call = {"status": "OPEN", "next_cursor": cursor, **arguments}
        assert conversations.validate(call) == ()
        assert conversations.build_request(call).target.startswith("/tickets?page=4&per_page=10&status=OPEN&")


def test_changed_limit_with_a_cursor_is_refused(tool: ToolByName) -> None:
    cursor = cursor_for(tool(LIST), {}, limit=10)
    (problem,) = tool(LIST).validate({"next_cursor": cursor, "limit": 20})
    assert (problem.path, problem.allowed) == ("limit", ("10",))
    assert "must stay 10" in problem.message


def test_cursor_with_other_arguments_is_refused(tool: ToolByName) -> None:
    cursor = cursor_for(tool(LIST), {"status": "OPEN"})
    for arguments in ({}, {"status": "CLOSED"}):
        (problem,) = tool(LIST).validate({"next_cursor": cursor, **arguments})
        assert problem.path == "next_cursor"
        assert "other arguments" in problem.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["id", "status", "tags", "customer_profile", "comment_body", "comment_public", "limit", "next_cursor", "x"]


@given(arguments=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_whatever_validates_can_be_built(tool: ToolByName, arguments: dict[str, Any]) -> None:
    for name in (LIST, GET, UPDATE):
        if not tool(name).validate(arguments):
            assert tool(name).build_request(arguments).target.isascii()
