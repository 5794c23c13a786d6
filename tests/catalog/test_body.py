"""Bodies: values at dotted paths, and forms with files, read back with parsers that are not ours."""

import base64
import email
import email.policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.body import decoded, multipart, put
from tests.catalog.forms import by_python_multipart


@pytest.mark.parametrize(
    ("steps", "body"),
    [
        ([("a", 1)], {"a": 1}),
        ([("a", None)], {"a": None}),
        ([("a.b.c", 1)], {"a": {"b": {"c": 1}}}),
        ([("a.b", 1), ("a.c", 2)], {"a": {"b": 1, "c": 2}}),
        ([("a", 1), ("a", 2)], {"a": 2}),
        ([("a[].b", 1), ("a[].c", 2)], {"a": [{"b": 1, "c": 2}]}),
        ([("a[].b[].c", 1)], {"a": [{"b": [{"c": 1}]}]}),
        ([("a[]", {"b": 1})], {"a": [{"b": 1}]}),
        ([("a.b[]", 1), ("a.b[]", 2)], {"a": {"b": [1, 2]}}),
        ([("*", {"a": 1})], {"a": 1}),
        ([("a.*", {"b": 1, "c": 2})], {"a": {"b": 1, "c": 2}}),
        ([("a.*", {})], {"a": {}}),
        ([("a[].*", {"b": 1})], {"a": [{"b": 1}]}),
        # What is named by an argument of its own wins over what is said beside it, whichever comes first.
        ([("a.b", 1), ("a.*", {"b": 2, "c": 3})], {"a": {"b": 1, "c": 3}}),
        ([("a.*", {"b": 2, "c": 3}), ("a.b", 1)], {"a": {"b": 1, "c": 3}}),
        ([("*", {"a": 1}), ("*", {"a": 2, "b": 2})], {"a": 1, "b": 2}),
        ([("a.b.c", 1), ("a.*", {"b": "x"})], {"a": {"b": {"c": 1}}}),
        # A member's own name may hold a dot; only paths of documents are taken apart.
        ([("a.*", {"b.c": 1, "d[]": 2, "*": 3})], {"a": {"b.c": 1, "d[]": 2, "*": 3}}),
    ],
)
def test_values_stand_where_their_paths_say(steps: list[tuple[str, Any]], body: dict[str, Any]) -> None:
    made: dict[str, Any] = {}
    for path, value in steps:
        put(made, path, value)
    assert made == body


def test_spread_object_is_left_alone() -> None:
    given_by_caller = {"b": 1}
    body: dict[str, Any] = {}
    put(body, "a.*", given_by_caller)
    put(body, "a.c", 2)
    assert given_by_caller == {"b": 1}


def by_email(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """As a reader of MIME in general reads it: name and contents of each part."""
    message = email.message_from_bytes(
        f"content-type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    parts = []
    for part in message.iter_parts():
        contents = part.get_payload(decode=True)
        assert isinstance(contents, bytes)
        parts.append((str(part.get_param("name", header="content-disposition")), contents))
    return parts


def test_form_is_what_any_reader_of_forms_expects() -> None:
    content_type, body = multipart({"file": ("label.pdf", b"%PDF")}, {"kind": "label", "note": "für Ada"})
    assert by_python_multipart(content_type, body) == [
        ({"name": "kind"}, b"label"),
        ({"name": "note"}, "für Ada".encode()),
        ({"name": "file", "filename": "label.pdf"}, b"%PDF"),
    ]
    assert by_email(content_type, body)[2] == ("file", b"%PDF")
    assert b"content-type: application/octet-stream\r\n" in body
    assert body.endswith(b"--\r\n")


@pytest.mark.parametrize(
    ("filename", "read"),
    [
        ("note.txt", "note.txt"),
        ("Rechnung Müller (2).pdf", "Rechnung Müller (2).pdf"),
        ("50% off & more + 'this'.pdf", "50% off & more + 'this'.pdf"),
        ("领.png", "领.png"),
        ("a;b=c,d.txt", "a;b=c,d.txt"),
        ('a".txt', "a%22.txt"),
        ('x"; filename="y', "x%22; filename=%22y"),
        ("a\r\nx-evil: 1\r\n\r\nbody", "a%0D%0Ax-evil: 1%0D%0A%0D%0Abody"),
        ("a\nb", "a%0Ab"),
        # A backslash would quote the quote behind it.
        ("a\\", "a%5C"),
        ("a\x00b\x7f", "a%00b%7F"),
    ],
)
def test_file_name_arrives_and_cannot_end_its_header(filename: str, read: str) -> None:
    content_type, body = multipart({"file": (filename, b"contents")}, {})
    assert by_python_multipart(content_type, body) == [({"name": "file", "filename": read}, b"contents")]
    head = body.partition(b"\r\n\r\n")[0]
    assert len(head.split(b"\r\n")) == 3


@given(filename=st.text(min_size=1, max_size=200), contents=st.binary(max_size=500))
def test_any_file_name_and_contents_are_one_part(filename: str, contents: bytes) -> None:
    content_type, body = multipart({"file": (filename, contents)}, {})
    [(options, found)] = by_python_multipart(content_type, body)
    assert (options["name"], found) == ("file", contents)
    assert set(options) == {"name", "filename"}


@given(contents=st.binary(max_size=300))
def test_boundary_is_never_in_the_contents(contents: bytes) -> None:
    content_type, body = multipart({"file": ("f", contents)}, {})
    boundary = content_type.partition("boundary=")[2].encode()
    assert len(boundary) == 64
    assert body.count(boundary) == 2
    # Not even when the contents are an earlier form, boundary and all.
    again_type, again = multipart({"file": ("f", body)}, {})
    assert by_python_multipart(again_type, again) == [({"name": "file", "filename": "f"}, body)]


def test_same_file_makes_the_same_form() -> None:
    assert multipart({"f": ("a", b"x")}, {}) == multipart({"f": ("a", b"x")}, {})
    assert multipart({"f": ("a", b"x")}, {})[0] != multipart({"f": ("a", b"y")}, {})[0]


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("SGVsbG8=", b"Hello"),
        ("SGVsbG8", b"Hello"),
        ("SGVs\r\nbG8=\n", b"Hello"),
        (" S G V s b G 8 = ", b"Hello"),
        ("", b""),
        ("+/+/", b"\xfb\xff\xbf"),
        # The alphabet of URLs is another one: whether it was meant cannot be told from a text that was cut.
        ("-_-_", None),
        ("SGVsbG8!", None),
        ("data:text/plain;base64,SGVsbG8=", None),
        ("A", None),
        ("SGVsbG8==", None),
        ("SG=VsbG8", None),
        ("=", None),
        ("é", None),
        ("\ud800", None),
        ("\x00", None),
    ],
)
def test_base64_is_read_or_it_is_none(text: str, contents: bytes | None) -> None:
    assert decoded(text) == contents


@given(st.binary(max_size=400))
def test_whatever_was_encoded_is_decoded(contents: bytes) -> None:
    assert decoded(base64.b64encode(contents).decode()) == contents
    assert decoded(base64.encodebytes(contents).decode()) == contents


@given(st.text(max_size=80))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    assert isinstance(decoded(text), bytes | None)
