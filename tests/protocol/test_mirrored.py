"""Arguments in `Mcp-Param-*` headers: which annotations are legal, and what is compared with what."""

import pytest

from mcp_gateway.protocol.host import OfferedTool
from mcp_gateway.protocol.mirrored import MirroredArgument, mirrored_arguments
from tests.protocol.support import FakeHost, error_of, modern_headers, modern_request, parsed, request, send, sentinel

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "page": {"type": "integer", "x-mcp-header": "Page-No"},
        "dry": {"type": "boolean", "x-mcp-header": "DRY"},
        "where": {"type": "object", "properties": {"city": {"type": "string", "x-mcp-header": "City"}}},
        "x-mcp-header": {"type": "string"},
    },
}
TOOL = OfferedTool(mirrored=mirrored_arguments(SCHEMA))


async def call(arguments, *, host=None, **headers):
    host = host or FakeHost(offered={"get_order": TOOL})
    sent = {**modern_headers("tools/call", "get_order"), **{f"Mcp-Param-{k}": v for k, v in headers.items()}}
    return await send(modern_request("tools/call", {"name": "get_order", "arguments": arguments}), sent, host)


@pytest.mark.requirement("mirrored.annotation")
def test_annotations_are_found_with_their_path():
    assert set(TOOL.mirrored) == {
        MirroredArgument(("region",), b"mcp-param-region"),
        MirroredArgument(("page",), b"mcp-param-page-no"),
        MirroredArgument(("dry",), b"mcp-param-dry"),
        MirroredArgument(("where", "city"), b"mcp-param-city"),
    }


@pytest.mark.requirement("mirrored.annotation")
@pytest.mark.parametrize(
    "properties",
    [
        {"a": {"type": "string", "x-mcp-header": ""}},
        {"a": {"type": "string", "x-mcp-header": "two words"}},
        {"a": {"type": "string", "x-mcp-header": "line\r\n"}},
        {"a": {"type": "string", "x-mcp-header": 5}},
        {"a": {"type": "number", "x-mcp-header": "A"}},
        {"a": {"type": "object", "x-mcp-header": "A"}},
        {"a": {"x-mcp-header": "A"}},
        {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}},
        {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}},
        {"a": {"anyOf": [{"type": "string", "x-mcp-header": "A"}]}},
    ],
)
def test_annotation_for_which_clients_drop_the_tool_is_refused(properties):
    with pytest.raises(ValueError, match="x-mcp-header"):
        mirrored_arguments({"type": "object", "properties": properties})


@pytest.mark.requirement("mirrored.absent", "mirrored.numbers", "mirrored.unknown", "headers.base64")
@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({}, {}),
        ({"region": None}, {}),
        ({"region": "us-west1"}, {"Region": "us-west1"}),
        ({"region": "us-west1"}, {"region": "  us-west1 \t"}),
        ({"region": "Hello, 世界"}, {"Region": sentinel("Hello, 世界")}),
        ({"region": ""}, {"Region": ""}),
        ({"region": "SGVsbG8="}, {"Region": "SGVsbG8="}),
        ({"region": "=?base64?SGVsbG8="}, {"Region": "=?base64?SGVsbG8="}),
        ({"page": 42}, {"Page-No": "42"}),
        ({"page": 42}, {"Page-No": "42.0"}),
        ({"page": 42.0}, {"Page-No": "42"}),
        ({"page": -7}, {"Page-No": "-7"}),
        ({"dry": True}, {"Dry": "true"}),
        ({"where": {"city": "Bern"}}, {"City": "Bern"}),
        ({}, {"Unknown": "whatever"}),
    ],
)
async def test_argument_and_header_that_agree_pass(arguments, headers):
    reply = await call(arguments, **headers)
    assert reply.status == 200, reply.body


@pytest.mark.requirement("mirrored.missing", "mirrored.equal", "headers.characters")
@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "us-west1"}, {}),
        ({"region": "us-west1"}, {"Region": "us-west2"}),
        ({"region": "us-west1"}, {"Region": "US-WEST1"}),
        ({}, {"Region": "us-west1"}),
        ({"region": None}, {"Region": "null"}),
        ({"region": "Hello"}, {"Region": "=?base64?SGVsbG8?="}),
        ({"region": "Hello"}, {"Region": "=?base64?SGVs!!!bG8=?="}),
        ({"region": "Zürich"}, {"Region": "Zürich"}),
        ({"page": 42}, {"Page-No": "43"}),
        ({"page": 1}, {"Page-No": "true"}),
        ({"page": 9007199254740992}, {"Page-No": "9007199254740993"}),
        ({"page": 42}, {"Page-No": "9" * 400}),
        ({"dry": True}, {"Dry": "True"}),
        ({"dry": False}, {"Dry": "0"}),
        ({"where": {"city": "Bern"}}, {}),
        ({"where": "Bern"}, {"City": "Bern"}),
    ],
)
async def test_argument_and_header_that_differ_are_a_mismatch_and_call_nothing(arguments, headers):
    host = FakeHost(offered={"get_order": TOOL})
    assert error_of(await call(arguments, host=host, **headers)) == (400, -32020)
    assert host.calls == []


async def test_older_clients_need_no_such_headers():
    host = FakeHost(offered={"get_order": TOOL})
    message = request("tools/call", {"name": "get_order", "arguments": {"region": "us-west1"}})
    reply = await send(message, {"MCP-Protocol-Version": "2025-11-25"}, host)
    assert parsed(reply)["result"]["isError"] is False
