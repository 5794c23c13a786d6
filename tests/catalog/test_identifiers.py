from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.identifiers import MAX_SEGMENT_CHARACTERS, encode_segment, segment_problem

RESERVED = ("number", "email", "phone")


@pytest.mark.parametrize(
    "value",
    [
        *["", " ", "\u00a0\u2003", ".", "..", "a\nb", "\x00", "x\x7f", "\x85y", "a\x9fb", "\ud800", "a\udfff"],
        *["number", "email", "phone", "Number", "EMAIL", "pHoNe", "x" * (MAX_SEGMENT_CHARACTERS + 1)],
    ],
)
def test_value_that_no_encoding_makes_safe_is_refused(value: str) -> None:
    assert segment_problem(value, RESERVED)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("<m@x>", "%3Cm%40x%3E"),
        ("a/b", "a%2Fb"),
        ("?x=1", "%3Fx%3D1"),
        ("...", "..."),
        ("%2e%2e", "%252e%252e"),
        ("../x", "..%2Fx"),
        ("#1042 B", "%231042%20B"),
        ("a+b&c;d", "a%2Bb%26c%3Bd"),
        ("\\", "%5C"),
        ("é", "%C3%A9"),
        ("numbers", "numbers"),
    ],
)
def test_every_other_id_becomes_one_encoded_segment(value: str, segment: str) -> None:
    assert segment_problem(value, RESERVED) is None
    assert encode_segment(value) == segment


def test_reserved_words_are_ids_elsewhere() -> None:
    assert segment_problem("email") is None


@given(st.text(max_size=300))
def test_accepted_id_is_one_segment_that_decodes_to_itself(value: str) -> None:
    if segment_problem(value, RESERVED) is not None:
        return
    segment = encode_segment(value)
    assert not set(segment) & set("/?#&;\\ \t\r\n@:<>\"'")
    assert segment.isascii()
    assert segment not in {"", ".", ".."}
    assert unquote(segment, errors="strict") == value


@given(st.text(st.characters(categories=["Cc", "Cs"]), min_size=1), st.text(max_size=20), st.text(max_size=20))
def test_control_characters_and_lone_surrogates_are_refused_wherever_they_stand(
    bad: str, left: str, right: str
) -> None:
    assert segment_problem(f"{left}a{bad[0]}{right}") is not None
