"""Identifiers sort by creation, and what is none is told from its form."""

import time
from datetime import UTC, datetime, timedelta

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


@pytest.mark.parametrize("microsecond", [0, 1, 999, 1_000, 123_000, 123_456, 999_999])
def test_first_identifier_of_an_instant_stands_between_older_and_newer_ones(microsecond):
    at = datetime(2026, 11, 25, 9, 30, 1, microsecond, tzinfo=UTC)
    first = ids.first_id(ids.AUDIT, at)
    assert ids.is_id(first, ids.AUDIT)
    assert ids.new_id(ids.AUDIT, at - timedelta(milliseconds=1)) < first <= ids.new_id(ids.AUDIT, at)
    assert ids.new_id(ids.AUDIT, at) < ids.first_id(ids.AUDIT, at + timedelta(milliseconds=1))


def test_first_identifier_of_an_instant_before_all_identifiers_is_the_smallest():
    assert ids.first_id(ids.AUDIT, datetime.min.replace(tzinfo=UTC)) == ids.AUDIT + "0" * 26
