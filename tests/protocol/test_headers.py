"""The value encoding of Mcp-Name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.protocol.headers import McpHeaders, collect, decoded
from tests.protocol.support import sentinel


@pytest.mark.requirement("headers.base64")
@given(st.text())
def test_any_text_survives_the_sentinel(text):
    assert decoded(sentinel(text).encode()) == text


@given(st.binary())
def test_any_bytes_decode_to_text_or_nothing(value):
    assert isinstance(decoded(value), str | None)


@pytest.mark.parametrize(
    "value",
    ["=?base64?YQ?=", "=?base64?YR==?=", "=?base64?YQ==\n?=", "=?base64?_w==?=", "=?base64?gA==?=", "=?base64?ü?="],
)
def test_sentinel_that_is_not_canonical_base64_of_utf8_is_nothing(value):
    assert decoded(value.encode("latin-1")) is None


@pytest.mark.requirement("headers.base64-exact")
@pytest.mark.parametrize("value", ["get_order", "=?base64?YQ==", "=?Base64?YQ==?=", "=?utf-8?B?YQ==?="])
def test_value_without_the_exact_sentinel_is_itself(value):
    assert decoded(value.encode()) == value


def test_absent_headers_are_none_and_others_are_ignored():
    sent = collect([(b"host", b"x"), (b"mcp-session-id", b"1"), (b"mcp-session-id", b"2"), (b"mcp-method", b" ping\t")])
    assert sent == McpHeaders(method=b"ping", params={})


@pytest.mark.requirement("headers.repeated")
def test_repeated_header_equals_none_of_its_values():
    sent = collect([(b"mcp-method", b"ping"), (b"mcp-method", b"ping")])
    assert sent.repeated
    assert sent.method != b"ping"
