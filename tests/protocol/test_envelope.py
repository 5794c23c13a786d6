"""Checks 8 and 10: what is no JSON, or JSON that is no message."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.protocol.envelope import MAX_DEPTH, MAX_ID_LENGTH, MAX_MEMBERS, MAX_STRING, MAX_VALUES, check_limits
from mcp_gateway.protocol.errors import ProtocolError
from tests.protocol.support import LEGACY, MODERN, FakeHost, error_of, parsed, request, send

BAD_IDS: list[Any] = [None, True, False, 1.0, 1.5, 2**70, {}, [], "x" * (MAX_ID_LENGTH + 1)]
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_order","arguments":%b}}'


@pytest.mark.requirement("message.parse-error")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"not json",
        b'{"jsonrpc":"2.0"} {}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'"\\ud800"',
        b"NaN",
        b'{"id":1e999}',
        b"[" * 2000 + b"]" * 2000,
    ],
)
async def test_body_that_is_no_json_is_a_parse_error_without_an_id(body):
    reply = await send(body)
    assert error_of(reply) == (400, -32700)
    assert parsed(reply)["id"] is None


@pytest.mark.requirement("message.json-rpc", "message.id", "message.error-id")
@pytest.mark.parametrize("version", [None, "2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(
    ("message", "echoed"),
    [
        ({}, None),
        ("x", None),
        (5, None),
        (None, None),
        ({"id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": 2.0, "id": "a", "method": "ping"}, "a"),
        ({"jsonrpc": ["2.0"], "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "2.0"}, None),
        ({"jsonrpc": "2.0", "id": 1}, 1),
        ({"jsonrpc": "2.0", "result": {}}, None),
        ({"jsonrpc": "2.0", "id": 1, "method": None}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": ["ping"]}, 1),
        *(({"jsonrpc": "2.0", "id": bad, "method": "ping"}, None) for bad in BAD_IDS),
    ],
)
async def test_message_without_a_proper_envelope_is_an_invalid_request(message, echoed, version):
    body = json.dumps(message).encode()
    reply = await send(body, {"MCP-Protocol-Version": version} if version else {})
    assert error_of(reply) == (400, -32600)
    assert parsed(reply)["id"] == echoed


async def test_id_at_the_bound_is_echoed():
    assert parsed(await send(request("ping", id="x" * MAX_ID_LENGTH)))["id"] == "x" * MAX_ID_LENGTH


def nested(levels: int) -> bytes:
    """`arguments` so deep that the whole message, which adds two containers, has this many levels."""
    inner = levels - 2
    return CALL % (b'{"a":' * (inner - 1) + b"{}" + b"}" * (inner - 1))


@pytest.mark.requirement("tools.inputs")
@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1)),
        (
            CALL % orjson.dumps({str(n): n for n in range(MAX_MEMBERS)}),
            CALL % orjson.dumps({str(n): n for n in range(MAX_MEMBERS + 1)}),
        ),
        (  # 4 values of the envelope, 2 of params, 1 of arguments
            CALL % orjson.dumps({"a": [0] * (MAX_VALUES - 7)}),
            CALL % orjson.dumps({"a": [0] * (MAX_VALUES - 6)}),
        ),
        (
            CALL % orjson.dumps({"a": "x" * MAX_STRING}),
            CALL % orjson.dumps({"a": "x" * (MAX_STRING + 1)}),
        ),
        (
            CALL % orjson.dumps({"x" * MAX_STRING: [1]}),
            CALL % orjson.dumps({"x" * (MAX_STRING + 1): [1]}),
        ),
        (CALL % b'{"a":[{"b":1},{"b":1}]}', CALL % b'{"a":[{"b":1},{"b":1,"b":1}]}'),
        (CALL % rb'{"a":"x\u003ay"}', CALL % rb'{"a":"\u003a","b":1,"b":1}'),
        (CALL % rb'{"a":"::\\u003A"}', CALL % rb'{"a":"\u003A","b":1,"\u0062":1}'),
    ],
    ids=[
        "depth",
        "members",
        "values",
        "string",
        "name",
        "duplicate",
        "duplicate behind an escape",
        "duplicate by an escape",
    ],
)
async def test_limit_holds_exactly_and_refusal_echoes_the_id(accepted, refused):
    host = FakeHost()
    assert (await send(accepted, host=host)).status == 200
    reply = await send(refused, host=host)
    assert error_of(reply) == (400, -32600)
    assert parsed(reply)["id"] == 1
    assert len(host.calls) == 1


async def test_many_small_containers_are_not_deep():
    assert (await send(CALL % orjson.dumps({"a": [{"b": []}] * 500}))).status == 200


def slow_duplicates(body: str) -> bool:
    seen = []

    def hook(pairs):
        seen.append(len(dict(pairs)) != len(pairs))

    json.loads(body, object_pairs_hook=hook)
    return any(seen)


NAMES = st.text(alphabet=':a"\\é', max_size=3)


@st.composite
def documents(draw) -> str:
    """JSON text that repeats names often, spelled with and without escapes."""
    spell = draw(st.sampled_from([json.dumps, lambda v: json.dumps(v).replace(":", "\\u003a")]))
    leaf = NAMES.map(spell)
    objects = lambda inner: st.lists(st.tuples(NAMES.map(spell), inner), max_size=3).map(  # noqa: E731 - local shape
        lambda pairs: "{" + ", ".join(f"{name} : {value}" for name, value in pairs) + "}"
    )
    text: str = draw(objects(st.recursive(leaf, objects, max_leaves=6)))
    return text


@given(documents())
def test_duplicate_names_are_found_exactly_when_there_are_some(text):
    body = text.encode()
    refused = False
    try:
        check_limits(body, orjson.loads(body))
    except ProtocolError:
        refused = True
    assert refused == slow_duplicates(text)


@pytest.mark.requirement("transport.notification-refused")
@pytest.mark.parametrize("version", [None, *LEGACY, MODERN])
@pytest.mark.parametrize(
    "message", [{"jsonrpc": "1.0", "method": "x"}, {"method": "x"}, {"jsonrpc": "2.0", "method": 5}]
)
async def test_notification_that_is_none_is_refused_and_not_accepted(message, version):
    reply = await send(message, {"MCP-Protocol-Version": version} if version else {})
    assert error_of(reply) == (400, -32600)
