"""The last look before a write: whoever may no longer call starts none, also in a call that began before."""

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.models.outcomes import ErrorType, ToolError
from mcp_gateway.models.principals import ApiTokenPrincipal, ServerPrincipal
from mcp_gateway.storage.token_store import TokenStore
from mcp_gateway.storage.uow import UnitOfWorkFactory

REVOKED = (
    "The access this call was made with was revoked, or it ended, while the call was under way, so nothing was changed."
)
UNCERTAIN = (
    "The gateway cannot tell at the moment whether the access this call was made with is still good, so nothing was "
    "changed. Try again in a few seconds."
)


class WritePermit:
    """Looks a call's credentials up again; from this process' copies where those are certain to be told of changes."""

    def __init__(
        self,
        *,
        server_tokens: TokenStore[ServerPrincipal],
        api_tokens: TokenStore[ApiTokenPrincipal],
        unit_of_work: UnitOfWorkFactory,
    ) -> None:
        self._server_tokens = server_tokens
        self._api_tokens = api_tokens
        self._unit_of_work = unit_of_work

    async def refusal(self, principal: ServerPrincipal) -> ToolError | None:
        """Why the call must not write; None when it may."""
        try:
            may_write = await self._is_alive(principal)
        except StoreUnavailableError:
            return ToolError(ErrorType.OVERLOADED, "gateway", UNCERTAIN)
        return None if may_write else ToolError(ErrorType.REVOKED, "gateway", REVOKED)

    async def _is_alive(self, principal: ServerPrincipal) -> bool:
        api_token = principal.api_token_digest
        if api_token is not None and await self._api_tokens.find_for_write(api_token) is None:
            return False
        if principal.token_digest is not None:
            return await self._server_tokens.find_for_write(principal.token_digest) is not None
        # No token stands for an account that is called directly, so there is no copy of it to look at.
        async with self._unit_of_work(principal.tenant_id) as stores:
            return await stores.accounts.get(principal.tenant_id, principal.account_id) is not None
