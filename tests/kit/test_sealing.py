"""A sealed value opens only where it was sealed for, and only unaltered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.kit.sealing import Sealer, SealError, key_id_of
from mcp_gateway.models.accounts import key_context

OLD = {"k1": bytes(range(32))}
NEW = {"k2": bytes(range(32, 64))}
PLACE = key_context("ten_a", "acc_a")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
CONTEXTS = st.lists(TEXT, min_size=1, max_size=3).map(tuple)


@given(TEXT, CONTEXTS)
def test_sealed_value_opens_in_its_own_place(plaintext, context):
    sealer = Sealer(OLD)
    assert sealer.open(sealer.seal(plaintext, context), context) == plaintext


@given(CONTEXTS, CONTEXTS)
def test_value_copied_to_another_place_does_not_open(own, other):
    sealer = Sealer(OLD)
    sealed = sealer.seal("rp_key", own)
    if own == other:
        assert sealer.open(sealed, other) == "rp_key"
    else:
        with pytest.raises(SealError):
            sealer.open(sealed, other)


@pytest.mark.parametrize(
    "other",
    [
        key_context("ten_b", "acc_a"),
        key_context("ten_a", "acc_b"),
        ("ten_a", "acc_a", "another_field"),
        ("ten_aacc_a", "", "api_key"),
        ("ten_a", "acc_a"),
    ],
)
def test_tenant_account_and_field_are_each_part_of_the_place(other):
    sealer = Sealer(OLD)
    with pytest.raises(SealError):
        sealer.open(sealer.seal("rp_key", PLACE), other)


def test_rotated_sealer_opens_old_values_and_seals_with_the_new_key():
    sealed = Sealer(OLD).seal("rp_key", PLACE)
    rotated = Sealer({**NEW, **OLD})
    assert rotated.open(sealed, PLACE) == "rp_key"
    assert key_id_of(sealed) == "k1"
    assert key_id_of(rotated.seal("rp_key", PLACE)) == "k2"


def test_value_of_a_key_that_is_gone_names_the_key_id_and_nothing_else():
    with pytest.raises(SealError, match="no encryption key with id 'k1'") as caught:
        Sealer(NEW).open(Sealer(OLD).seal("rp_key_canary", PLACE), PLACE)
    assert "canary" not in str(caught.value)


def test_value_relabelled_with_another_key_id_does_not_open():
    sealed = Sealer(OLD).seal("rp_key", PLACE)
    relabelled = sealed.replace(b"k1", b"k2", 1)
    with pytest.raises(SealError):
        Sealer({"k1": OLD["k1"], "k2": OLD["k1"]}).open(relabelled, PLACE)


SEALED = Sealer(OLD).seal("rp_key_0001", PLACE)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_one_altered_byte_does_not_open(place, flip):
    altered = bytearray(SEALED)
    altered[place] ^= flip
    with pytest.raises(SealError):
        Sealer(OLD).open(bytes(altered), PLACE)


@given(st.integers(0, len(SEALED) - 1))
def test_value_cut_short_does_not_open(length):
    with pytest.raises(SealError):
        Sealer(OLD).open(SEALED[:length], PLACE)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_with_the_one_error(noise):
    with pytest.raises(SealError):
        Sealer(OLD).open(noise, PLACE)


def test_same_value_sealed_twice_differs():
    sealer = Sealer(OLD)
    assert sealer.seal("rp_key", PLACE) != sealer.seal("rp_key", PLACE)
    assert b"rp_key" not in sealer.seal("rp_key", PLACE)
