"""What the protocol needs from the server behind a token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mcp_gateway.models.outcomes import ToolOutcome


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a tool call's request says beside name and arguments; from the client, so never to be trusted."""

    request_id: str | int
    protocol_version: str
    meta: Mapping[str, Any]
    """`params._meta` as sent: `traceparent`, `progressToken`, `io.modelcontextprotocol/clientInfo`, vendors' keys."""


class Host(Protocol):
    """One MCP server: a set of tools, prepared once, and the way to call one."""

    @property
    def instructions(self) -> str | None:
        """A few sentences for the model, or None."""

    def list_tools_json(self) -> bytes:
        """The JSON array of tool definitions, serialised once per tool set."""

    def tool_names(self) -> Sequence[str]:
        """The same tools' names, in the order of the list."""

    def has_tool(self, name: str) -> bool:
        """Whether `name` is one of them."""

    async def call_tool(self, name: str, arguments: dict[str, Any], call: CallContext) -> ToolOutcome:
        """Validate the arguments, call the tool, and say what came of it.

        Every failure that concerns the tool is an outcome. What is raised is a bug or a store out of reach; it passes
        through `exchange.answer` to the edge, which answers with `exchange.internal_error_reply`.
        """
