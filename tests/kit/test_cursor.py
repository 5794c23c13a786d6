"""A cursor goes back exactly as it came, to the list it came from, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.kit.cursor import CursorError, CursorSigner

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SIGNER = CursorSigner([b"s" * 32])
CURSOR = SIGNER.encode("tenants", "ten_01kb0g4t6v9m3q8r5x2y7w1z0c")
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(TEXT, TEXT)
def test_cursor_gives_back_its_position(scope, position):
    assert SIGNER.decode(scope, SIGNER.encode(scope, position)) == position


@given(TEXT, TEXT)
def test_cursor_travels_in_a_query_without_encoding(scope, position):
    assert set(SIGNER.encode(scope, position)) <= set(URL_SAFE)


@given(st.integers(0, len(CURSOR) - 1), st.sampled_from(URL_SAFE))
def test_one_changed_character_is_refused(place, character):
    changed = CURSOR[:place] + character + CURSOR[place + 1 :]
    if changed == CURSOR:
        assert SIGNER.decode("tenants", changed)
    else:
        with pytest.raises(CursorError):
            SIGNER.decode("tenants", changed)


@pytest.mark.parametrize("position", ["a", "ab", "abc"])
def test_bits_that_base64_leaves_over_are_not_free_to_change(position):
    cursor = SIGNER.encode("tenants", position)
    for last in set(URL_SAFE) - {cursor[-1]}:
        with pytest.raises(CursorError):
            SIGNER.decode("tenants", cursor[:-1] + last)


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}A", "é{}", "{}{}" * 20])
def test_anything_added_is_refused(change):
    with pytest.raises(CursorError):
        SIGNER.decode("tenants", change.replace("{}", CURSOR))


@given(TEXT)
def test_cursor_of_another_list_is_refused(scope):
    if scope != "tenants":
        with pytest.raises(CursorError):
            SIGNER.decode(scope, CURSOR)


def test_cursor_signed_with_another_key_is_refused():
    with pytest.raises(CursorError):
        CursorSigner([b"t" * 32]).decode("tenants", CURSOR)


@given(st.text())
def test_any_text_is_refused_with_the_one_error(text):
    with pytest.raises(CursorError):
        SIGNER.decode("tenants", text)


def test_cursor_of_a_key_that_is_no_longer_the_first_is_still_good():
    rotated = CursorSigner([b"t" * 32, b"s" * 32])
    assert rotated.decode("tenants", CURSOR) == SIGNER.decode("tenants", CURSOR)
    assert rotated.encode("tenants", "ten_1") == CursorSigner([b"t" * 32]).encode("tenants", "ten_1")
    with pytest.raises(CursorError):
        rotated.decode("accounts", CURSOR)
