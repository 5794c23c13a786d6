"""Tool calls over plain REST: an account's tools without an MCP server between."""

from collections.abc import Mapping
from typing import Any

from mcp_gateway.exceptions import NotFoundError
from mcp_gateway.kit.request_facts import request_facts
from mcp_gateway.models.api_tokens import Scope
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.models.principals import AdminPrincipal, ServerPrincipal
from mcp_gateway.models.servers import ServerConfig
from mcp_gateway.services.accounts import found
from mcp_gateway.services.scopes import require_scope
from mcp_gateway.services.tenancy import enter_account
from mcp_gateway.services.tool_calls import ToolCallService
from mcp_gateway.services.tool_sets import ToolSets
from mcp_gateway.storage.uow import UnitOfWorkFactory

REST = "rest"
"""Names a client that does not say what it is."""


class DirectCallService:
    """Calls one tool with one account's key."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, tool_sets: ToolSets, calls: ToolCallService) -> None:
        self._unit_of_work = unit_of_work
        self._tool_sets = tool_sets
        self._calls = calls

    async def call(
        self, caller: AdminPrincipal, account_id: str, tool_name: str, arguments: Mapping[str, Any]
    ) -> ToolOutcome:
        """What the call came to.

        Raises:
            NotFoundError: no such account, or it is another tenant's; or its integration has no such tool.
            InsufficientScopeError: the API token may not call a tool of this kind.
        """
        async with self._unit_of_work(caller.tenant_id) as stores:
            tenant_id = await enter_account(stores, caller, account_id)
            account = found(await stores.accounts.get(tenant_id, account_id))
            sealed_api_key = await stores.accounts.sealed_key(account.tenant_id, account.id)
        tool = self._tool_sets.integration(account.integration).tool(tool_name)
        if tool is None or sealed_api_key is None:
            raise NotFoundError(
                f"the integration {account.integration} has no such tool; GET …/tools lists those it has"
            )
        require_scope(caller.scopes, Scope.WRITE if tool.is_write else Scope.READ)
        principal = ServerPrincipal(
            # There is no server: its account stands for it in the log, and in what cursors are bound to.
            server_id=account.id,
            tenant_id=account.tenant_id,
            account_id=account.id,
            integration=account.integration,
            name=account.name,
            config=ServerConfig(),
            sealed_api_key=sealed_api_key,
            expires_at=None,
            version=account.version,
            api_token_digest=caller.token_digest,
        )
        return await self._calls.call(principal, tool, arguments, client=request_facts().user_agent or REST)
