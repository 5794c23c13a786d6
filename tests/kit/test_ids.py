"""Identifiers sort by creation, and what is none is told from its form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.kit import ids

PREFIXES = [ids.TENANT, ids.API_TOKEN, ids.ACCOUNT, ids.SERVER]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_new_id_has_its_prefix_and_26_characters_of_crockford_base32(prefix):
    new = ids.new_id(prefix)
    assert new.startswith(prefix)
    assert len(new) == len(prefix) + 26
    assert set(new.removeprefix(prefix)) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_first_ten_characters_are_the_milliseconds_of_creation():
    before = time.time_ns() // 1_000_000
    stamp = ids.new_id(ids.TENANT).removeprefix(ids.TENANT)[:10]
    after = time.time_ns() // 1_000_000
    assert before <= sum(ids.ALPHABET.index(c) * 32 ** (9 - place) for place, c in enumerate(stamp)) <= after


def test_ids_made_one_after_the_other_are_all_different():
    assert len({ids.new_id(ids.SERVER) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("other", PREFIXES)
def test_id_is_known_under_its_own_prefix_only(prefix, other):
    assert ids.is_id(ids.new_id(prefix), other) is (prefix == other)


@pytest.mark.parametrize(
    "change", [str.upper, lambda i: i[:-1], lambda i: i + "0", lambda i: i + "\n", lambda i: " " + i]
)
def test_changed_id_is_none(change):
    assert not ids.is_id(change(ids.new_id(ids.TENANT)), ids.TENANT)


@given(st.text())
def test_any_text_is_no_id(text):
    assert not ids.is_id(ids.TENANT + text[:25], ids.TENANT)
