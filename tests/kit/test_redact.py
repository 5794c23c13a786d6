"""Whatever looks like one of our secrets is masked, wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.constants import API_TOKEN_PREFIX, MCP_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from mcp_gateway.kit.redact import MASK, redact


@pytest.mark.parametrize("prefix", [MCP_TOKEN_PREFIX, API_TOKEN_PREFIX])
@given(before=st.text(max_size=8), after=st.text(max_size=8))
def test_token_is_masked_in_any_surroundings(prefix, before, after):
    token = tokens.mint(prefix).token
    masked = redact(before + token + after)
    assert token.removeprefix(prefix)[:8] not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text", ["/mcp/{}", "%2Fmcp%2F{}", "https://h/mcp/{}?x=1", "Bearer {}", "'{}'", "a{}", "_{}", "{}/sse", "{}{}"]
)
def test_token_is_masked_in_paths_headers_and_quotes(text):
    token = tokens.mint(MCP_TOKEN_PREFIX).token
    assert token not in redact(text.replace("{}", token))
    assert token[-12:] not in redact(text.replace("{}", token))


def test_token_cut_short_is_masked_too():
    assert redact("rpmcp_abc123") == "rpmcp_" + MASK


@pytest.mark.parametrize("text", ["key=rp_live-12345_6", "%3Drp_live-12345_6", "rp_live-12345_6"])
def test_richpanel_key_is_masked(text):
    assert "live" not in redact(text)


@pytest.mark.parametrize("text", ["", "list_all_richpanel_orders", "corp_account_1", "ten_01kb0g4t6v9m3q8r5x2y7w1z0c"])
def test_ordinary_words_stay(text):
    assert redact(text) == text
