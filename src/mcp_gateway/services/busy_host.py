"""A server whose tools cannot be called at the moment, because too many of their calls are under way."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.host import CallContext, Host, OfferedTool
from mcp_gateway.services.call_limits import OVERLOADED


class BusyHost:
    """Like another host in everything but calls; it has no limit of its own, since nothing it does takes time."""

    __slots__ = ("_host",)

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def instructions(self) -> str | None:
        """A few sentences for the model."""
        return self._host.instructions

    @property
    def list_revision(self) -> str:
        """Of the tools and all that is said of them."""
        return self._host.list_revision

    @property
    def notices(self) -> Mapping[str, Any]:
        """For `_meta` of every result."""
        return self._host.notices

    def list_tools_json(self) -> bytes:
        """The JSON array of tool definitions."""
        return self._host.list_tools_json()

    def tool_names(self) -> Sequence[str]:
        """The tools' names."""
        return self._host.tool_names()

    async def admit(self) -> Refusal | None:
        """Count one request that is no tool call."""
        return await self._host.admit()

    def admit_at_hand(self) -> bool:
        """The same where there is plenty."""
        return self._host.admit_at_hand()

    def quota(self) -> Quota | None:
        """Where the caller stands with the gateway's own limit."""
        return self._host.quota()

    def seen(self, client: object) -> None:
        """Told to the other host."""
        self._host.seen(client)

    def find_tool(self, name: str) -> OfferedTool | None:
        """The tool of that name."""
        return self._host.find_tool(name)

    async def call_tool(self, _name: str, _arguments: dict[str, Any], _call: CallContext) -> ToolOutcome:
        """Nothing is sent upstream."""
        return OVERLOADED
