"""Every content block in every revision: as itself where the revision has it, as text where it would break a client."""

import base64

import pytest
from mcp_types.methods import validate_server_result

from mcp_gateway.models.content import AudioContent, EmbeddedResource, ImageContent, ResourceLink, TextContent
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from tests.protocol.support import LEGACY, MODERN, FakeHost, parsed, request, send, send_modern

CALL = {"name": "get_order", "arguments": {}}
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
BLOCKS = (
    TextContent('said "hi" 🛍'),
    ImageContent(PNG, "image/png"),
    AudioContent(b"RIFF\x00", "audio/wav"),
    ResourceLink("https://shop.example/label.pdf", "label", "application/pdf"),
    EmbeddedResource("test://text", "contents", "text/plain"),
    EmbeddedResource("test://bytes", PNG),
)
ON_THE_WIRE = [
    {"type": "text", "text": 'said "hi" 🛍'},
    {"type": "image", "data": base64.b64encode(PNG).decode(), "mimeType": "image/png"},
    {"type": "audio", "data": base64.b64encode(b"RIFF\x00").decode(), "mimeType": "audio/wav"},
    {
        "type": "resource_link",
        "uri": "https://shop.example/label.pdf",
        "name": "label",
        "mimeType": "application/pdf",
    },
    {"type": "resource", "resource": {"uri": "test://text", "mimeType": "text/plain", "text": "contents"}},
    {"type": "resource", "resource": {"uri": "test://bytes", "blob": base64.b64encode(PNG).decode()}},
]


async def result_of(outcome, version):
    host = FakeHost(outcomes={"get_order": outcome})
    if version == MODERN:
        return parsed(await send_modern("tools/call", CALL, host))["result"]
    reply = await send(request("tools/call", CALL), {"MCP-Protocol-Version": version}, host)
    return parsed(reply)["result"]


@pytest.mark.requirement("tools.content")
@pytest.mark.parametrize("version", [MODERN, *LEGACY])
async def test_result_is_valid_by_the_revisions_own_schema(version):
    result = await result_of(ToolOutcome({}, content=BLOCKS), version)
    validate_server_result("tools/call", version, result)
    assert len(result["content"]) == len(BLOCKS)
    assert "structuredContent" not in result


@pytest.mark.parametrize("version", [MODERN, "2025-11-25", "2025-06-18"])
async def test_revisions_that_know_every_block_get_them_as_they_are(version):
    assert (await result_of(ToolOutcome({}, content=BLOCKS), version))["content"] == ON_THE_WIRE


@pytest.mark.requirement("tools.content")
@pytest.mark.parametrize(("version", "unknown"), [("2025-03-26", [3]), ("2024-11-05", [2, 3])])
async def test_block_that_came_later_is_told_as_text(version, unknown):
    content = (await result_of(ToolOutcome({}, content=BLOCKS), version))["content"]
    for place, block in enumerate(content):
        if place not in unknown:
            assert block == ON_THE_WIRE[place]
    assert content[3] == {"type": "text", "text": "label: https://shop.example/label.pdf"}
    assert all(content[place]["type"] == "text" for place in unknown)


async def test_blocks_stand_behind_the_structure_and_the_sentence_of_an_error():
    error = ToolError(ErrorType.INTERNAL, "gateway", "It broke.")
    outcome = ToolOutcome({"error": error.to_dict()}, error, content=(TextContent("more"),))
    result = await result_of(outcome, MODERN)
    assert result["isError"] is True
    assert [block["text"] for block in result["content"]][1:] == ["It broke.", "more"]
