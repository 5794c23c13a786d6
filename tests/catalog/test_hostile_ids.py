"""5,000 hostile ids: each reaches the request as one encoded segment, or not at all, in every tool with a path."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_gateway.catalog.identifiers import segment_problem
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.models.upstream import UpstreamRequest
from tests.catalog.conftest import ToolByName
from tests.support.catalog import RICHPANEL

CHUNKS, CHUNK = 100, 50
PLACES = [
    (tool, name)
    for tool in RICHPANEL.tools
    if tool.binding is not None
    for name, argument in tool.binding.arguments.items()
    if argument.place == "path" and argument.enum is None
]
SEGMENT = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+")
PIECES = [
    *["/", "//", "\\", "..", ".", "../", "/..", "%2e%2e", "%2F", "%252f", "%00", "%", "%zz", "?", "#", "&", "=", ";"],
    *[" ", "\t", "\r", "\n", "\r\n", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\u200b", "\u00a0"],
    *["number", "email", "phone", "NUMBER", "Email", "add-tags", "{id}", "{conversation_id}", "@", "<", ">", "+", ":"],
    *[
        "http://evil.example/",
        "//evil.example",
        " HTTP/1.1\r\nx: y",
        "é",
        "\u0130",
        "\u017f",
        "🙂",
        "\ud800",
        "a",
        "1",
        "~",
    ],
]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.characters() | st.text(max_size=4), max_size=6).map("".join)


def with_value(tool: Tool, name: str, value: str) -> dict[str, object]:
    return {**tool.examples[0].arguments, name: value}


def assert_one_segment(tool: Tool, request: UpstreamRequest, arguments: dict[str, object]) -> None:
    """The target has the shape of the tool's path, and each of its places holds what was given for it."""
    assert tool.binding is not None
    template = tool.binding.request.path.split("/")
    parts = urlsplit("https://api.example" + request.target)
    assert (parts.netloc, parts.fragment) == ("api.example", "")
    segments = parts.path.split("/")
    assert len(segments) == len(template)
    for step, segment in zip(template[1:], segments[1:], strict=True):
        if step.startswith("{"):
            assert SEGMENT.fullmatch(segment)
            assert segment not in {".", ".."}
            assert unquote(segment) == arguments[step[1:-1]]
        else:
            assert segment == step


def test_every_tool_with_a_path_argument_is_here() -> None:
    assert len({tool.name for tool, _ in PLACES}) == 15
    assert len(PLACES) == 18


@settings(max_examples=CHUNKS)
@given(values=st.lists(HOSTILE, min_size=CHUNK, max_size=CHUNK))
def test_hostile_id_is_one_encoded_segment_or_is_not_sent(values: list[str]) -> None:
    for value in values:
        for tool, name in PLACES:
            arguments = with_value(tool, name, value)
            if not tool.validate(arguments):
                assert_one_segment(tool, tool.build_request(arguments), arguments)
                assert segment_problem(value) is None


@settings(max_examples=CHUNKS)
@given(values=st.lists(HOSTILE, min_size=CHUNK, max_size=CHUNK))
def test_hostile_id_of_a_context_is_one_encoded_segment_or_is_not_sent(tool: ToolByName, values: list[str]) -> None:
    context = tool("get_richpanel_conversation_context")
    for value in values:
        if context.validate({"id": value}):
            continue
        for request in next(context.steps({"id": value}), ()):
            segments = urlsplit("https://api.example" + request.target).path.split("/")
            assert segments[1:-1] in (["tickets"], ["order"], ["tickets", "number"])
            assert SEGMENT.fullmatch(segments[-1])
            assert unquote(segments[-1]) == value


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("<a+b/c@x.y>", "%3Ca%2Bb%2Fc%40x.y%3E"),
        ("<CAF1x+b7=_Z%k@mail.example>", "%3CCAF1x%2Bb7%3D_Z%25k%40mail.example%3E"),
        ('<"a b"@[10.0.0.1]>', "%3C%22a%20b%22%40%5B10.0.0.1%5D%3E"),
        ("<a.b!c#d$e'f*g?h^i`j{k|l}m~n@x.y>", "%3Ca.b%21c%23d%24e%27f%2Ag%3Fh%5Ei%60j%7Bk%7Cl%7Dm~n%40x.y%3E"),
        ("a%2Fb", "a%252Fb"),
        ("api-acme1230-0d6f2a0e-5a54", "api-acme1230-0d6f2a0e-5a54"),
        ("m_bG9uZw==", "m_bG9uZw%3D%3D"),
        ("1041_77_77_8", "1041_77_77_8"),
        ("é", "%C3%A9"),
    ],
)
@pytest.mark.parametrize(("tool_", "name"), PLACES, ids=lambda one: one if isinstance(one, str) else one.name)
def test_ids_as_richpanel_has_them_are_taken_by_every_tool(tool_: Tool, name: str, value: str, segment: str) -> None:
    arguments = with_value(tool_, name, value)
    assert tool_.validate(arguments) == ()
    request = tool_.build_request(arguments)
    assert segment in request.target.partition("?")[0].split("/")
    assert_one_segment(tool_, request, arguments)


CONVERSATIONS = {
    *(("get_single_richpanel_conversation_by_id", "id"), ("update_a_richpanel_conversation_by_id", "id")),
    *((f"create_a_richpanel_conversation_{what}", "conversation_id") for what in ("message", "order", "tag")),
    ("delete_a_richpanel_conversation_tag_by_id", "conversation_id"),
    ("list_all_richpanel_orders", "conversation_id"),
}
"""Arguments that are the id of a conversation."""


@pytest.mark.parametrize("word", ["number", "email", "phone", "NUMBER", "Email", "pHoNe"])
def test_words_that_name_other_routes_are_no_conversation(word: str) -> None:
    refusing = {(tool.name, name) for tool, name in PLACES if tool.validate(with_value(tool, name, word))}
    assert refusing == CONVERSATIONS
