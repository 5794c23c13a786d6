"""What a route gets: the services, and who is calling with which rights."""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from mcp_gateway.exceptions import (
    InvalidInputError,
    PermissionDeniedError,
    Problem,
    RateLimitedError,
    UnauthenticatedError,
)
from mcp_gateway.factory import Factory
from mcp_gateway.http.client_address import CLIENT_ADDRESS_KEY, subscriber
from mcp_gateway.models.api_tokens import Scope
from mcp_gateway.models.principals import AdminPrincipal
from mcp_gateway.services.scopes import require_scope

bearer = HTTPBearer(auto_error=False, description="The operator's key, or a tenant's API token (`rpat_…`).")


def get_factory(request: Request) -> Factory:
    """The services of this process, opened by the application's lifespan."""
    factory: Factory = request.app.state.factory
    return factory


Services = Annotated[Factory, Depends(get_factory)]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


OPERATOR = "operator"
"""Stands among the scopes of a route that no API token may use, whatever its scopes."""


async def _authorized(
    needed: SecurityScopes, request: Request, services: Services, credentials: Credentials
) -> AdminPrincipal:
    """The caller, once it has what the route declares; OpenAPI lists the same with the operation's `security`."""
    principal = await _known(request, services, credentials)
    for scope in needed.scopes:
        if scope == OPERATOR:
            if not principal.is_operator:
                raise PermissionDeniedError("only the operator's key may do this")
        else:
            require_scope(principal.scopes, Scope(scope))
    return principal


async def _tool_caller(request: Request, services: Services, credentials: Credentials) -> AdminPrincipal:
    # Which of the two it needs, the service says once it knows the tool; with neither there is nothing to look up.
    principal = await _known(request, services, credentials)
    if not principal.scopes & {Scope.READ, Scope.WRITE}:
        require_scope(principal.scopes, Scope.READ)
    return principal


async def _known(request: Request, services: Services, credentials: Credentials) -> AdminPrincipal:
    if credentials is None:
        return await services.authentication.admin(None)
    try:
        return await services.authentication.admin(credentials.credentials)
    except UnauthenticatedError:
        # Looked up all the same: clients share addresses, and a live key always passes.
        refusal = await services.limits.miss(subscriber(request.scope[CLIENT_ADDRESS_KEY]))
        if refusal is None:
            raise
        raise RateLimitedError(refusal.message, retry_after_seconds=refusal.retry_after_seconds) from None


Operator = Annotated[AdminPrincipal, Security(_authorized, scopes=[OPERATOR])]
"""The operator's key."""
Reader = Annotated[AdminPrincipal, Security(_authorized, scopes=[Scope.READ.value])]
"""The operator, or an API token with the scope `read`."""
Writer = Annotated[AdminPrincipal, Security(_authorized, scopes=[Scope.WRITE.value])]
"""The operator, or an API token with the scope `write`."""
TokenKeeper = Annotated[AdminPrincipal, Security(_authorized, scopes=[Scope.TOKENS.value])]
"""The operator, or an API token with the scope `tokens`."""
LogReader = Annotated[AdminPrincipal, Security(_authorized, scopes=[Scope.LOGS.value])]
"""The operator, or an API token with the scope `logs`."""
ToolCaller = Annotated[AdminPrincipal, Security(_tool_caller, scopes=[Scope.READ.value])]
"""The operator, or an API token with `read` or `write`; the route adds `write` to what OpenAPI says of it."""


def if_match(
    value: Annotated[
        str | None, Header(alias="If-Match", description='The `ETag` of the version to change, e.g. `"3"`; optional.')
    ] = None,
) -> int | None:
    """The version named by `If-Match`; `*` and an absent header name none (RFC 9110 §13.1.1).

    Raises:
        InvalidInputError: not an ETag of ours.
    """
    if value is None or value.strip() == "*":
        return None
    text = value.strip().strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - what a 64-bit integer holds
        message = 'must be an ETag as an earlier answer gave it, such as "3"'
        raise InvalidInputError("If-Match " + message, [Problem("If-Match", message)])
    return int(text)


ExpectedVersion = Annotated[int | None, Depends(if_match)]


def etag(version: int) -> dict[str, str]:
    """The `ETag` header of a version."""
    return {"etag": f'"{version}"'}
