"""Tools whose answers are pictures, recordings or text: the matching content block, under a cap."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.load import load_integration
from mcp_gateway.catalog.media import MAX_BINARY_BYTES, MAX_TEXT_CHARACTERS, MediaError, read_media
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.models.content import AudioContent, ImageContent, TextContent
from mcp_gateway.models.outcomes import ErrorType, ToolOutcome
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.test_load import INTEGRATION

LABELS = """\
resource: labels
description: Labels.
methods:
  - tool: get_single_shop_label_by_id
    method: get
    title: Get a label
    description: Get a label.
    tags: [things]
    documentation: https://shop.example/docs/labels
    confidence: documented
    annotations: {read_only: true, destructive: false, idempotent: true, open_world: true}
    request: {verb: GET, path: "/labels/{id}"}
    arguments:
      id: {in: path, required: true, type: string, minLength: 1}
    response: {shape: content}
    examples:
      - {title: One, arguments: {id: a}}
      - {title: Other, arguments: {id: b}}
  - tool: create_a_shop_label
    method: create
    title: Make a label
    description: Make a label.
    tags: [things]
    documentation: https://shop.example/docs/labels
    confidence: documented
    annotations: {read_only: false, destructive: false, idempotent: false, open_world: true}
    request: {verb: POST, path: "/labels"}
    arguments:
      text: {in: body, required: true, type: string}
    response: {shape: content}
    settle: Look for it with get_single_shop_label_by_id.
    examples:
      - {title: One, arguments: {text: a}}
      - {title: Other, arguments: {text: b}}
"""


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, Tool]:
    (tmp_path / "integration.yaml").write_text(INTEGRATION)
    (tmp_path / "labels.yaml").write_text(LABELS)
    return {tool.method: tool for tool in load_integration(tmp_path).tools}


def shape(tool: Tool, content_type: str, body: bytes) -> ToolOutcome:
    headers = {"content-type": content_type} if content_type else {}
    arguments = tool.examples[0].arguments
    return tool.shape(UpstreamResponse(200, headers, body), arguments)


def test_any_media_type_is_asked_for(tools):
    assert tools["get"].build_request({"id": "a"}).accept == "*/*"


@pytest.mark.parametrize(
    ("content_type", "block"),
    [
        ("image/png", ImageContent(b"\x89PNG", "image/png")),
        ("IMAGE/JPEG; q=1", ImageContent(b"\x89PNG", "image/jpeg")),
        ("audio/wav", AudioContent(b"\x89PNG", "audio/wav")),
    ],
)
def test_picture_or_recording_becomes_its_block(tools, content_type, block):
    outcome = shape(tools["get"], content_type, b"\x89PNG")
    assert outcome.error is None
    assert outcome.content == (block,)
    assert outcome.structured == {"result": {"media_type": block.mime_type, "bytes": 4}}


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "Grüße".encode(), "Grüße"),
        ('text/csv; charset="ISO-8859-1"', "Grüße".encode("latin-1"), "Grüße"),
        ("text/html;charset=utf-8", b"<p>", "<p>"),
        ("text/plain", b"", ""),
    ],
)
def test_text_becomes_a_text_block_and_stands_in_the_structure_too(tools, content_type, body, text):
    outcome = shape(tools["get"], content_type, body)
    assert outcome.content == (TextContent(text),)
    assert outcome.structured["result"]["text"] == text


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/problem+json", ""])
def test_json_stays_structured(tools, content_type):
    outcome = shape(tools["get"], content_type, b'{"a": [1]}')
    assert outcome.structured == {"result": {"a": [1]}}
    assert outcome.content == ()


@pytest.mark.requirement("tools.outputs")
@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/pdf", b"%PDF", "application/pdf"),
        ("application/octet-stream", b"", "application/octet-stream"),
        ("image", b"x", "no known type"),
        ("text/plain; charset=utf-8", b"\xff", "not utf-8"),
        ("text/plain; charset=klingon", b"x", "in klingon"),
        ("text/plain; charset=punycode", b"x", "in punycode"),
        ("text/plain; charset=utf-7", b"+2AA-", "in utf-7"),
        ("text/plain; charset=utf-16", b"\x00\xd8\x00", "not utf-16"),
        ("application/json", b"<html>", "not JSON"),
    ],
)
def test_what_cannot_be_handed_on_is_a_bad_response_that_says_what_it_was(tools, content_type, body, words):
    error = shape(tools["get"], content_type, body).error
    assert error is not None
    assert error.type is ErrorType.UPSTREAM_BAD_RESPONSE
    assert words in error.message


@pytest.mark.parametrize(
    ("content_type", "size"), [("image/png", MAX_BINARY_BYTES), ("text/plain", MAX_TEXT_CHARACTERS)]
)
def test_cap_is_exact_and_named(tools, content_type, size):
    assert shape(tools["get"], content_type, b"x" * size).error is None
    error = shape(tools["get"], content_type, b"x" * (size + 1)).error
    assert error is not None
    assert error.type is ErrorType.UPSTREAM_TOO_LARGE
    assert str(size) in error.message


def test_write_that_was_accepted_is_never_an_error_whatever_came_back(tools):
    outcome = shape(tools["create"], "application/pdf", b"%PDF")
    assert outcome.error is None
    assert "Do not repeat it" in outcome.structured["notice"]


@given(st.text(max_size=40), st.binary(max_size=40))
def test_any_content_type_and_body_are_read_or_refused(content_type, body):
    with contextlib.suppress(MediaError):
        assert read_media(content_type, body).summary["media_type"]
