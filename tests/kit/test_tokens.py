"""Tokens carry a checksum, so that a mistyped one is refused without a store."""

import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens

PREFIXES = st.sampled_from([MCP_TOKEN_PREFIX, API_TOKEN_PREFIX])
TOKEN = tokens.mint(MCP_TOKEN_PREFIX).token


def base62_value(text: str) -> int:
    value = 0
    for character in text:
        value = value * 62 + tokens.BASE62.index(character)
    return value


@given(PREFIXES)
def test_minted_token_has_the_documented_form(prefix):
    minted = tokens.mint(prefix)
    body, checksum = minted.token[:-6], minted.token[-6:]
    assert len(body) == len(prefix) + 43
    assert body.startswith(prefix)
    assert set(body.removeprefix(prefix)) <= set(tokens.BASE62)
    assert base62_value(checksum) == zlib.crc32(body.encode())
    assert minted.digest == sha256(minted.token.encode()).digest()
    assert minted.hint == minted.token[-4:]


@given(PREFIXES)
def test_minted_token_parses_to_its_digest_under_its_own_prefix_only(prefix):
    minted = tokens.mint(prefix)
    other = ({MCP_TOKEN_PREFIX, API_TOKEN_PREFIX} - {prefix}).pop()
    assert tokens.parse(minted.token, prefix) == minted.digest
    assert tokens.parse(minted.token, other) is None


def test_no_two_minted_tokens_are_alike():
    assert len({tokens.mint(MCP_TOKEN_PREFIX).token for _ in range(200)}) == 200


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(tokens.BASE62))
def test_one_changed_character_is_refused(place, character):
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert (tokens.parse(changed, MCP_TOKEN_PREFIX) is None) is (changed != TOKEN)


@given(st.integers(0, len(TOKEN) - 1))
def test_token_cut_short_at_any_place_is_refused(length):
    assert tokens.parse(TOKEN[:length], MCP_TOKEN_PREFIX) is None


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "\n{}", "{}0", "x{}", "{}\x00", "{}é"])
def test_anything_around_a_token_is_refused(around):
    assert tokens.parse(around.format(TOKEN), MCP_TOKEN_PREFIX) is None


@given(st.text())
def test_any_text_is_refused_without_an_error(text):
    assert tokens.parse(text, MCP_TOKEN_PREFIX) is None
    assert tokens.parse(MCP_TOKEN_PREFIX + text, MCP_TOKEN_PREFIX) is None


def test_digits_that_are_not_ascii_are_refused():
    assert tokens.parse(MCP_TOKEN_PREFIX + "٣" * 49, MCP_TOKEN_PREFIX) is None


def test_minted_token_does_not_show_in_its_repr():
    minted = tokens.mint(MCP_TOKEN_PREFIX)
    assert minted.token not in repr(minted)
    assert MCP_TOKEN_PREFIX not in repr(minted)


def test_digests_are_same_only_when_equal():
    one, other = tokens.mint(MCP_TOKEN_PREFIX).digest, tokens.mint(MCP_TOKEN_PREFIX).digest
    assert tokens.is_same(one, bytes(one))
    assert not tokens.is_same(one, other)
