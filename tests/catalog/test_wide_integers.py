"""Integers of more than 64 bits keep every digit."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.wide_integers import loads
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.conftest import ToolByName

FITTING = range(-(2**63), 2**64)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"12345678901234567890123", "12345678901234567890123"),
        (b"-12345678901234567890123", "-12345678901234567890123"),
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", "18446744073709551616"),
        (b"-9223372036854775808", -(2**63)),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b"12345678901234567890123.5", 12345678901234567890123.5),
        (b"12345678901234567890123e2", 12345678901234567890123e2),
        (b"0.12345678901234567890123", 0.12345678901234567890123),
        (b'"12345678901234567890123"', "12345678901234567890123"),
        (
            b'{"a\\\\\\"":[ 1,-1 ,"[12345678901234567890123,"],"b":99999999999999999999}',
            {'a\\"': [1, -1, "[12345678901234567890123,"], "b": "99999999999999999999"},
        ),
        (b'{"12345678901234567890123":1}', {"12345678901234567890123": 1}),
        (b"9" * 300, "9" * 300),
    ],
)
def test_integer_is_a_number_where_it_fits_and_a_text_otherwise(text: bytes, value: Any) -> None:
    assert loads(text) == value
    assert type(loads(text)) is type(value)


def texts_for_wide(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: texts_for_wide(item) for name, item in value.items()}
    if isinstance(value, list):
        return [texts_for_wide(item) for item in value]
    return str(value) if type(value) is int and value not in FITTING else value


TEXTS = st.text(st.sampled_from('0123456789-.,:[]{}"\\eE \n'), max_size=40)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(value=JSON, indent=st.sampled_from([None, 2]))
def test_any_json_is_read_as_another_reader_does(value: Any, indent: int | None) -> None:
    assert loads(json.dumps(value, indent=indent).encode()) == texts_for_wide(value)


@given(text=st.binary(max_size=60) | TEXTS.map(str.encode))
def test_what_is_no_json_is_refused_as_before(text: bytes) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(orjson.JSONDecodeError):
            loads(text)


def test_wide_id_of_a_record_keeps_its_digits(tool: ToolByName) -> None:
    body = UpstreamResponse(200, body=b'{"ticket":{"id":12345678901234567890123,"subject":"x"}}')
    outcome = tool("get_single_richpanel_conversation_by_id").shape(body, {"id": "x"})
    assert outcome.structured["result"] == {"id": "12345678901234567890123", "subject": "x"}
