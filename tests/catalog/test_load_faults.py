"""Faults in what documents say of look-ups, parts, files and places: each stops the start, in one line."""

from pathlib import Path

import pytest

from mcp_gateway.catalog.load import load_integration
from mcp_gateway.catalog.tool import Integration
from mcp_gateway.exceptions import ConfigurationError
from tests.catalog.test_load import INTEGRATION

SHELF = """\
resource: shelf
description: Boxes.
methods:
  - tool: get_a_shop_box
    method: get
    title: Get a box
    description: Get a box.
    tags: [things]
    documentation: https://shop.example/docs
    confidence: documented
    annotations: &reads {read_only: true, destructive: false, idempotent: true, open_world: true}
    request: {verb: GET, path: "/boxes/{id}"}
    arguments: {id: {in: path, required: true, type: string}}
    number: {argument: id, lookup: get_a_shop_box_by_number, lookup_argument: number, take: id, is_answer: true}
    response: {shape: object}
    examples: &examples [{title: A, arguments: {id: a}}, {title: B, arguments: {id: b}}]
  - tool: get_a_shop_box_by_number
    method: get
    title: Get a box by number
    description: Get a box by its number.
    tags: [things]
    documentation: https://shop.example/docs
    confidence: documented
    annotations: *reads
    request: {verb: GET, path: "/numbers/{number}"}
    arguments: {number: {in: path, required: true, type: string}}
    response: {shape: object}
    examples: [{title: A, arguments: {number: "1"}}, {title: B, arguments: {number: "2"}}]
  - tool: update_a_shop_box
    method: update
    title: Fill a box
    description: Fill a box.
    tags: [things]
    documentation: https://shop.example/docs
    confidence: documented
    annotations: {read_only: false, destructive: true, idempotent: true, open_world: true}
    request: {verb: POST, path: "/boxes/{id}", wrapper: "boxes[]", stamps: {at: iso}}
    arguments:
      id: {in: path, also: boxId, required: true, type: string}
      kind: {in: body, type: string}
      size: {in: body, to: {argument: kind, places: {round: radius}, otherwise: width}, type: integer}
      picture_name: {in: option, type: string}
      seal: {in: body, requires: [kind], type: string}
    verify: {lookup: get_a_shop_box, fields: {kind: kind}}
    response: {shape: accepted}
    settle: Get the box.
    examples: *examples
  - tool: create_a_shop_picture
    method: create
    title: Upload a picture
    description: Upload a picture.
    tags: [things]
    documentation: https://shop.example/docs
    confidence: documented
    annotations: {read_only: false, destructive: false, idempotent: false, open_world: true}
    request: {verb: POST, path: "/pictures"}
    arguments:
      picture: {in: file, to: upload, named_by: picture_name, maxBytes: 4, required: true, type: string}
      picture_name: {in: option, type: string}
    response: {shape: accepted}
    settle: Get the box.
    examples: [{title: A, arguments: {picture: QUJD}}, {title: B, arguments: {picture: QUJDRA==}}]
  - tool: get_a_shop_box_in_full
    method: get
    title: Get a box in full
    description: Get a box and what is in it.
    tags: [things]
    documentation: https://shop.example/docs
    confidence: inferred
    annotations: *reads
    arguments: {id: {in: option, required: true, type: string}}
    parts:
      - {name: box, lookup: get_a_shop_box, arguments: {id: [$id]}}
      - {name: inner, lookup: get_a_shop_box, arguments: {id: [box.inner_id]}, absent: It is empty.}
    response: {shape: object}
    examples: *examples
"""
SECOND_PART = "      - {name: inner, lookup: get_a_shop_box, arguments: {id: [box.inner_id]}, absent: It is empty.}\n"
FIRST_PART = "      - {name: box, lookup: get_a_shop_box, arguments: {id: [$id]}}\n"


def load(folder: Path, text: str) -> Integration:
    (folder / "integration.yaml").write_text(INTEGRATION)
    (folder / "shelf.yaml").write_text(text)
    return load_integration(folder)


def test_document_itself_is_sound(tmp_path: Path) -> None:
    shop = load(tmp_path, SHELF)
    assert {tool.name: sorted(tool.uses) for tool in shop.tools} == {
        "get_a_shop_box": ["get_a_shop_box_by_number"],
        "get_a_shop_box_by_number": [],
        "update_a_shop_box": ["get_a_shop_box"],
        "create_a_shop_picture": [],
        "get_a_shop_box_in_full": ["get_a_shop_box"],
    }


def test_words_of_the_documents_say_what_is_sent(tmp_path: Path) -> None:
    shop = load(tmp_path, SHELF)
    fill = shop.by_name["update_a_shop_box"]
    stamp = b'"at":"1970-01-01T00:00:00+00:00"'
    sent = {
        "round": fill.build_request({"id": "a", "kind": "round", "size": 2}).body,
        "square": fill.build_request({"id": "a", "kind": "square", "size": 2}).body,
        "none": fill.build_request({"id": "a", "size": 2}).body,
    }
    assert sent == {
        "round": b'{"boxes":[{' + stamp + b',"boxId":"a","kind":"round","radius":2}]}',
        "square": b'{"boxes":[{' + stamp + b',"boxId":"a","kind":"square","width":2}]}',
        "none": b'{"boxes":[{' + stamp + b',"boxId":"a","width":2}]}',
    }
    upload = shop.by_name["create_a_shop_picture"]
    assert b'name="upload"; filename="file"' in (upload.build_request({"picture": "QUJD"}).body or b"")
    [problem] = upload.validate({"picture": "QUJDREU="})
    assert (problem.code, problem.message) == ("file", "`picture` must be at most 4 bytes once decoded, got 5.")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        # Tools that are named and not there, or cannot serve as a look-up.
        (
            "lookup: get_a_shop_box_by_number",
            "lookup: get_a_shop_bax",
            "tools are named that do not exist: ['get_a_shop_bax']",
        ),
        ("verify: {lookup: get_a_shop_box", "verify: {lookup: get_it", "do not exist: ['get_it']"),
        ("{name: box, lookup: get_a_shop_box", "{name: box, lookup: get_it", "do not exist: ['get_it']"),
        (
            "{name: box, lookup: get_a_shop_box",
            "{name: box, lookup: update_a_shop_box",
            "look-ups must be reads of one request: ['update_a_shop_box']",
        ),
        (
            "verify: {lookup: get_a_shop_box",
            "verify: {lookup: get_a_shop_box_in_full",
            "look-ups must be reads of one request: ['get_a_shop_box_in_full']",
        ),
        # Arguments that are named and not there.
        ("number: {argument: id", "number: {argument: nr", "unknown arguments are named: ['nr']"),
        ("fields: {kind: kind}", "fields: {colour: kind}", "unknown arguments are named: ['colour']"),
        ("named_by: picture_name", "named_by: title", "unknown arguments are named: ['title']"),
        ("{argument: kind, places", "{argument: shape, places", "unknown arguments are named: ['shape']"),
        ("requires: [kind]", "requires: [kind, lid]", "unknown arguments are named: ['lid']"),
        # Parts.
        (SECOND_PART, SECOND_PART.replace("box.inner_id", "link.inner_id"), "['link'], which stand nowhere before it"),
        (FIRST_PART, FIRST_PART.replace("$id", "$number"), "the part box takes arguments from ['$number']"),
        (FIRST_PART + SECOND_PART, SECOND_PART + FIRST_PART, "the part inner takes arguments from ['box']"),
        (SECOND_PART, SECOND_PART.replace("box.inner_id", "inner.id"), "the part inner takes arguments from ['inner']"),
        (
            SECOND_PART,
            "".join(SECOND_PART.replace("name: inner", f"name: inner_{index}") for index in range(4)),
            "a composite tool has at most 4 parts",
        ),
        ("    parts:\n" + FIRST_PART + SECOND_PART, "", "a tool has either a request or parts"),
        (
            "    parts:\n",
            '    request: {verb: GET, path: "/boxes"}\n    parts:\n',
            "a tool has either a request or parts",
        ),
        (
            "  - tool: get_a_shop_box_in_full\n    method: get",
            "  - tool: get_a_shop_box_in_full\n    method: list",
            "the response shape object does not suit the method list",
        ),
        (
            "  - tool: get_a_shop_box_in_full\n    method: get",
            "  - tool: get_a_shop_box_in_full\n    method: create",
            "parts only read",
        ),
        # Words that mean nothing where they stand.
        (
            "kind: {in: body",
            "kind: {in: body, also: sort",
            "`also` is for path arguments, `maxBytes` and `named_by` for files",
        ),
        ("kind: {in: body", "kind: {in: body, maxBytes: 5", "got them at ['kind']"),
        ("kind: {in: body", "kind: {in: body, named_by: picture_name", "got them at ['kind']"),
        # Words the language does not have.
        ("stamps: {at: iso}", "stamps: {at: rfc2822}", "request.stamps.at: Input should be 'epoch_ms' or 'iso'"),
        ("in: file", "in: upload", "arguments.picture.in: Input should be"),
        ("maxBytes: 4", "maxBytes: four", "arguments.picture.maxBytes"),
        ("otherwise: width", "else: width", "arguments.size.to"),
        ("is_answer: true", "is_answer: 1", "number.is_answer"),
        ("take: id, ", "", "number.take: Field required"),
        ("absent: It is empty.", "absent: ''", "parts.1.absent"),
        ("confidence: inferred", "confidence: sure", "confidence: Input should be"),
        # An example is checked as a call is.
        ("arguments: {picture: QUJD}", "arguments: {picture: Q}", "example 'A': `picture` must be base64"),
        (
            "arguments: {picture: QUJD}",
            "arguments: {picture: QUJDREU=}",
            "example 'A': `picture` must be at most 4 bytes",
        ),
    ],
)
def test_fault_in_a_document_stops_the_start_in_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in SHELF
    with pytest.raises(ConfigurationError, match=r"^catalog ") as caught:
        load(tmp_path, SHELF.replace(old, new, 1))
    assert words in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("safe", "read_only", "words"),
    [
        ("", "true", "read_only must be false for the method create"),
        (", safe: true", "false", "read_only must be true for the method create"),
    ],
)
def test_post_is_a_read_only_where_the_document_says_so_in_both_places(
    tmp_path: Path, safe: str, read_only: str, words: str
) -> None:
    text = SHELF.replace('path: "/pictures"', f'path: "/pictures"{safe}').replace(
        "{read_only: false, destructive: false", f"{{read_only: {read_only}, destructive: false"
    )
    with pytest.raises(ConfigurationError, match=words):
        load(tmp_path, text)


def test_post_that_only_reads_is_no_write_and_needs_no_settling(tmp_path: Path) -> None:
    text = SHELF.replace('path: "/pictures"', 'path: "/pictures", safe: true')
    head, _, tail = text.replace(
        "{read_only: false, destructive: false", "{read_only: true, destructive: false"
    ).rpartition("    settle: Get the box.\n")
    tool = load(tmp_path, head + tail).by_name["create_a_shop_picture"]
    assert tool.is_write is False
    assert tool.build_request({"picture": "QUJD"}).is_write is False
