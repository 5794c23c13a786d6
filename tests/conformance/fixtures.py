"""The tools the official conformance suite calls by name, as a source of hosts for the factory's seam.

They need no Richpanel: each is a function here. Nothing below `src` knows them.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.content import AudioContent, EmbeddedResource, ImageContent, TextContent
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.host import CallContext, OfferedTool
from mcp_gateway.protocol.mirrored import mirrored_arguments

# One red pixel, and one silent sample.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WAV = base64.b64decode("UklGRiUAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQEAAACA")
STEP_SECONDS = 0.05
"""The suite asks for a pause between reports."""

NO_ARGUMENTS: dict[str, Any] = {"type": "object", "additionalProperties": False}
MIRRORING: dict[str, Any] = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "additionalProperties": False,
}
# Word for word what the suite looks for.
DIALECT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

Run = Callable[[CallContext], Awaitable[ToolOutcome]]


@dataclass(frozen=True)
class Fixture:
    """One tool of the suite."""

    run: Run
    schema: Mapping[str, Any] = field(default_factory=lambda: NO_ARGUMENTS)
    required_capabilities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def offered(self) -> OfferedTool:
        return OfferedTool(mirrored_arguments(self.schema), self.required_capabilities)


def answers(*content: Any) -> Run:
    """A tool that always gives this content."""

    async def run(_call: CallContext) -> ToolOutcome:
        return ToolOutcome({}, content=content)

    return run


async def fail(_call: CallContext) -> ToolOutcome:
    message = "This tool intentionally returns an error for testing"
    return ToolOutcome({}, ToolError(ErrorType.INTERNAL, "gateway", message))


async def report(call: CallContext) -> ToolOutcome:
    for progress in (0, 50, 100):
        await call.progress.report(progress, 100)
        await asyncio.sleep(STEP_SECONDS)
    return ToolOutcome({}, content=(TextContent("done"),))


DATA = '{"test":"data","value":123}'
TOOLS: Mapping[str, Fixture] = {
    "test_simple_text": Fixture(answers(TextContent("This is a simple text response for testing."))),
    "test_image_content": Fixture(answers(ImageContent(PNG, "image/png"))),
    "test_audio_content": Fixture(answers(AudioContent(WAV, "audio/wav"))),
    "test_embedded_resource": Fixture(
        answers(EmbeddedResource("test://embedded-resource", "This is an embedded resource content.", "text/plain"))
    ),
    "test_multiple_content_types": Fixture(
        answers(
            TextContent("Multiple content types test:"),
            ImageContent(PNG, "image/png"),
            EmbeddedResource("test://mixed-content-resource", DATA, "application/json"),
        )
    ),
    "test_error_handling": Fixture(fail),
    "test_tool_with_progress": Fixture(report),
    "json_schema_2020_12_tool": Fixture(answers(TextContent("ok")), DIALECT),
    "test_x_mcp_header": Fixture(answers(TextContent("ok")), MIRRORING),
    "test_missing_capability": Fixture(answers(TextContent("sampled")), required_capabilities={"sampling": {}}),
    # Neither asks nor logs: the suite looks for what must not appear on their streams.
    "test_streaming_elicitation": Fixture(answers(TextContent("ok"))),
    "test_logging_tool": Fixture(answers(TextContent("ok"))),
}


class FixtureHost:
    """A server with the suite's tools."""

    instructions: str | None = None
    list_revision = "fixtures"
    notices: Mapping[str, Any] = MappingProxyType({})

    def list_tools_json(self) -> bytes:
        return orjson.dumps(
            [
                {"name": name, "description": f"Fixture {name}.", "inputSchema": fixture.schema}
                for name, fixture in TOOLS.items()
            ]
        )

    def tool_names(self) -> Sequence[str]:
        return list(TOOLS)

    def seen(self, client: object) -> None:
        """Nobody asks the fixtures who used them."""

    def find_tool(self, name: str) -> OfferedTool | None:
        fixture = TOOLS.get(name)
        return None if fixture is None else fixture.offered

    async def admit(self) -> Refusal | None:
        return None

    def admit_at_hand(self) -> bool:
        return True

    def quota(self) -> Quota | None:
        return None

    async def call_tool(self, name: str, arguments: dict[str, Any], call: CallContext) -> ToolOutcome:  # noqa: ARG002 - the protocol's signature
        return await TOOLS[name].run(call)


class FixtureHosts:
    """The same host behind every token."""

    def host(self, principal: ServerPrincipal) -> FixtureHost:  # noqa: ARG002 - the source's signature
        return FixtureHost()
