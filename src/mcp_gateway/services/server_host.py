"""One MCP server as the protocol sees it."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.ratelimit import Quota
from mcp_gateway.models.limits import Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.host import PLAIN_TOOL, CallContext, Host, OfferedTool
from mcp_gateway.services.call_limits import CallLimits
from mcp_gateway.services.expiry import expiry_notice
from mcp_gateway.services.last_seen import LastSeen
from mcp_gateway.services.tool_calls import ToolCallService
from mcp_gateway.services.tool_sets import ToolSet, ToolSets

CLIENT_KEY = "io.modelcontextprotocol/clientInfo"


class ServerHost:
    """Binds a principal to its tools for the length of one HTTP request."""

    __slots__ = ("_calls", "_last_seen", "_limits", "_principal", "_tool_set", "notices")

    def __init__(
        self,
        principal: ServerPrincipal,
        tool_set: ToolSet,
        calls: ToolCallService,
        limits: CallLimits,
        *,
        last_seen: LastSeen,
        notices: Mapping[str, Any],
    ) -> None:
        """`notices` go into `_meta` of every result."""
        self.notices = notices
        self._last_seen = last_seen
        self._limits = limits
        self._principal = principal
        self._tool_set = tool_set
        self._calls = calls

    @property
    def instructions(self) -> str | None:
        """A few sentences for the model."""
        return self._tool_set.integration.description

    @property
    def list_revision(self) -> str:
        """Of the tools and all that is said of them."""
        return self._tool_set.revision

    def list_tools_json(self) -> bytes:
        """The JSON array of tool definitions."""
        return self._tool_set.list_json

    def tool_names(self) -> Sequence[str]:
        """The tools' names."""
        return self._tool_set.names

    async def admit(self) -> Refusal | None:
        """Count one request that is no tool call."""
        return await self._limits.admit(self._principal)

    def admit_at_hand(self) -> bool:
        """The same where there is plenty."""
        return self._limits.admit_at_hand(self._principal)

    def quota(self) -> Quota | None:
        """Of the server's token."""
        return self._limits.quota(self._principal.server_id)

    def seen(self, client: object) -> None:
        """Take a note of it."""
        self._last_seen.note(self._principal.server_id, client)

    def find_tool(self, name: str) -> OfferedTool | None:
        """No tool of the catalog mirrors arguments in headers or relies on a client's capabilities."""
        return PLAIN_TOOL if name in self._tool_set.tools else None

    def call_tool(self, name: str, arguments: dict[str, Any], call: CallContext) -> Coroutine[Any, Any, ToolOutcome]:
        """Call one of the server's tools."""
        tool = self._tool_set.tools[name]
        return self._calls.call(self._principal, tool, arguments, call.trace, client_name(call.meta))


def client_name(meta: Mapping[str, Any]) -> str | None:
    """`name/version` as a client of 2026-07-28 tells it with each request (Overview / _meta)."""
    info = meta.get(CLIENT_KEY)
    if not isinstance(info, (dict, Mapping)) or not isinstance(info.get("name"), str):
        return None
    version = info.get("version")
    return f"{info['name']}/{version}" if isinstance(version, str) else str(info["name"])


class HostSource(Protocol):
    """Knows which host stands behind a principal; the seam at which tests plug in tools of their own."""

    def host(self, principal: ServerPrincipal) -> Host:
        """The server behind a token."""


class ServerHosts:
    """Hosts whose tools are the catalog's."""

    def __init__(
        self, *, tool_sets: ToolSets, calls: ToolCallService, limits: CallLimits, last_seen: LastSeen, clock: Clock
    ) -> None:
        self._last_seen = last_seen
        self._limits = limits
        self._tool_sets = tool_sets
        self._calls = calls
        self._clock = clock

    def host(self, principal: ServerPrincipal) -> ServerHost:
        """The server behind a token."""
        config = principal.config
        tool_set = self._tool_sets.select(principal.integration, config.methods, config.tags)
        notices = expiry_notice(principal.expires_at, self._clock)
        return ServerHost(principal, tool_set, self._calls, self._limits, last_seen=self._last_seen, notices=notices)
