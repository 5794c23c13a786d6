"""What the protocol needs from the server behind a token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.kit.trace import TraceContext
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.mirrored import MirroredArgument
from mcp_gateway.protocol.progress import NO_PROGRESS, Progress


class CallContext(NamedTuple):
    """What a tool call's request says beside name and arguments; from the client, so never to be trusted."""

    request_id: str | int
    protocol_version: str
    meta: Mapping[str, Any]
    """`params._meta` as sent: `progressToken`, `io.modelcontextprotocol/clientInfo`, vendors' keys."""
    trace: TraceContext | None = None
    """The caller's span."""
    progress: Progress = NO_PROGRESS
    """Where the tool may report how far it is."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """What the protocol itself checks before a tool is called."""

    mirrored: tuple[MirroredArgument, ...] = ()
    """Arguments that must stand in `Mcp-Param-*` headers too."""
    required_capabilities: Mapping[str, Any] = field(default_factory=dict)
    """ClientCapabilities the client must have declared, e.g. `{"sampling": {}}`."""


PLAIN_TOOL = OfferedTool()


class Host(Protocol):
    """One MCP server: a set of tools, prepared once, and the way to call one."""

    @property
    def instructions(self) -> str | None:
        """A few sentences for the model, or None."""

    @property
    def list_revision(self) -> str:
        """Changes whenever the list does."""

    @property
    def notices(self) -> Mapping[str, Any]:
        """For `_meta` of every result: name below our prefix → value; nearly always empty."""

    def list_tools_json(self) -> bytes:
        """The JSON array of tool definitions, serialised once per tool set."""

    def tool_names(self) -> Sequence[str]:
        """The same tools' names, in the order of the list."""

    async def admit(self) -> Refusal | None:
        """Count one request that is no tool call; the limit that it meets, or None. Tool calls count themselves."""

    def admit_at_hand(self) -> bool:
        """The same where there is plenty, as nearly always: True when it was counted; False says nothing."""

    def quota(self) -> Quota | None:
        """Where the caller stands with the gateway's own limit, where there is one."""

    def seen(self, client: object) -> None:
        """A request was read; `client` is the `Implementation` it named, as sent, or None. Costs next to nothing."""

    def find_tool(self, name: str) -> OfferedTool | None:
        """The tool of that name, None where there is none."""

    async def call_tool(self, name: str, arguments: dict[str, Any], call: CallContext) -> ToolOutcome:
        """Validate the arguments, call the tool, and say what came of it.

        Every failure that concerns the tool is an outcome. What is raised is a bug or a store out of reach; it passes
        through `exchange.answer` to the edge, which answers with `exchange.internal_error_reply`.
        """
