"""Whatever is posted: a reply with an allowed status and a JSON-RPC body, never an exception."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from mcp_types.jsonrpc import jsonrpc_message_adapter

from mcp_gateway.protocol.exchange import answer
from mcp_gateway.protocol.preflight import preflight
from tests.protocol.support import LEGACY, META, MODERN, FakeHost

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
) | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3))
METHODS = st.sampled_from(["initialize", "ping", "server/discover", "tools/list", "tools/call", "x", "notifications/x"])
NAMES = st.sampled_from(["get_order", "list_orders", "gone"])


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda n: VALUES if n == 0 else good)


PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": mostly(NAMES),
        "arguments": mostly(st.dictionaries(st.text(max_size=4), VALUES, max_size=3)),
        "cursor": VALUES,
        "protocolVersion": mostly(st.sampled_from(LEGACY)),
        "_meta": mostly(st.just(META) | st.fixed_dictionaries(dict.fromkeys(META, VALUES))),
    },
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": mostly(st.just("2.0"))},
    optional={
        "id": mostly(st.integers(0, 9) | st.text(max_size=3)),
        "method": mostly(METHODS),
        "params": mostly(PARAMS),
        "result": VALUES,
    },
)
BODIES = (
    st.binary(max_size=40)
    | (VALUES | MESSAGES | st.lists(MESSAGES, max_size=22)).map(orjson.dumps)
    | st.tuples(MESSAGES.map(orjson.dumps), st.integers(0, 80), st.binary(max_size=3)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
    )
)
HEADERS = st.lists(
    st.tuples(st.just(b"mcp-protocol-version"), st.sampled_from([MODERN.encode(), *map(str.encode, LEGACY)]))
    | st.tuples(st.just(b"mcp-method"), METHODS.map(str.encode))
    | st.tuples(st.just(b"mcp-name"), NAMES.map(str.encode))
    | st.tuples(
        st.sampled_from([b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"accept", b"content-type"]),
        st.binary(max_size=12) | st.just(b"=?base64?Z2V0X29yZGVy?="),
    ),
    max_size=4,
)


@given(HEADERS, BODIES)
async def test_any_body_gets_a_json_rpc_answer_with_an_allowed_status(headers, body):
    reply = await answer(headers, body, FakeHost())
    assert reply.status in {200, 202, 400, 404}
    if reply.status == 202:
        assert (reply.headers, reply.body) == ((), b"")
        return
    assert ("content-type", "application/json") in reply.headers
    answers = orjson.loads(reply.body)
    for message in answers if isinstance(answers, list) else [answers]:
        jsonrpc_message_adapter.validate_python(message)
        assert ("result" in message) != ("error" in message)


@given(st.sampled_from(["POST", "GET", ""]), HEADERS)
def test_any_headers_pass_preflight_or_are_refused_with_an_allowed_status(method, headers):
    reply = preflight(method, headers)
    assert reply is None or reply.status in {405, 406, 415}
