"""What a reader cannot see is taken out; what shapes the text a reader sees is not."""

import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.kit.visible import visible, visible_json
from tests.security.legit_text import EXCEPTIONS, legit_texts

VISIBLE_SIGNS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters (Cf) that are drawn: Prepended_Concatenation_Mark of the Unicode Character Database."""


def test_1000_legitimate_texts_come_through_unchanged():
    texts = legit_texts(1000)
    assert len(set(texts)) == 1000
    assert [text for text in texts if visible(text) != text] == []
    assert orjson.loads(visible_json(texts)) == texts


@pytest.mark.parametrize(("written", "shown"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_documented_exceptions_lose_what_the_documents_say(written, shown):
    assert visible(written) == shown


def test_no_control_format_or_private_character_stands_alone():
    left = {
        code
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Co"} and visible(f"a{chr(code)}b") != "ab"
    }
    assert left == VISIBLE_SIGNS | {0x09, 0x0A, 0x0D}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\U0001f600\ufe0f\ufe0f", "\U0001f600\ufe0f"),
        ("\U0001f469\u200d\u200d\U0001f469", "\U0001f469\U0001f469"),
        ("\U0001f469\u200d", "\U0001f469"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4"),
        ("\u0639\u200c\u200c\u200c\u0639", "\u0639\u200c\u0639"),
        ("1\ufe0f", "1"),
        ("a\U000e0100", "a"),
        ("\u5b57\U000e0150", "\u5b57"),
        ("\u200d\u200cx", "x"),
    ],
)
def test_only_one_is_kept_and_only_where_it_has_a_meaning(written, shown):
    assert visible(written) == shown


NO_SURROGATES: Any = ("Cs",)
HOSTILE = st.text(
    st.sampled_from(
        "a1\n\x00\x1b\x7f\u200b\u200c\u200d\ufe0f\ufe0e\u20e3\u202e\U0001f3f4\U0001f469\u0639\u5b57\U000e0067"
    )
    | st.characters(exclude_categories=NO_SURROGATES),
)


@given(HOSTILE)
def test_cleaning_twice_is_cleaning_once_and_takes_nothing_else(text):
    once = visible(text)
    assert visible(once) == once
    assert len(once) <= len(text)


@given(st.recursive(HOSTILE | st.integers(-5, 5), lambda inner: st.lists(inner) | st.dictionaries(HOSTILE, inner)))
def test_json_is_what_cleaning_each_string_gives(value):
    def strings(node):
        if isinstance(node, str):
            yield node
        for child in node if isinstance(node, list) else [*node, *node.values()] if isinstance(node, dict) else ():
            yield from strings(child)

    shown = list(strings(orjson.loads(visible_json(value))))
    assert all(visible(text) == text for text in shown)
    assert {visible(text) for text in strings(value)} >= set(shown)


def test_name_that_hides_something_does_not_take_the_place_of_the_plain_one():
    for value in ({"a": 1, "a\u200b": 2}, {"a\u200b": 2, "a": 1}):
        assert visible_json(value) == b'{"a":1}'


def test_controls_that_json_escapes_are_found_and_backslashes_are_not_taken_for_them():
    assert orjson.loads(visible_json(["\x08\x0c\x01\x7f", "\\u0001 \\b \\f"])) == ["", "\\u0001 \\b \\f"]
