"""What a route gets: the services, and who is calling with which rights."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from mcp_gateway.exceptions import InvalidInputError, PermissionDeniedError, Problem
from mcp_gateway.factory import Factory
from mcp_gateway.models.api_tokens import Scope
from mcp_gateway.models.principals import AdminPrincipal

bearer = HTTPBearer(auto_error=False, description="The operator's key, or a tenant's API token (`rpat_…`).")


def get_factory(request: Request) -> Factory:
    """The services of this process, opened by the application's lifespan."""
    factory: Factory = request.app.state.factory
    return factory


Services = Annotated[Factory, Depends(get_factory)]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


def _allowed(scope: Scope) -> Callable[[Services, Credentials], Awaitable[AdminPrincipal]]:
    async def authenticate(services: Services, credentials: Credentials) -> AdminPrincipal:
        principal = await services.authentication.admin(None if credentials is None else credentials.credentials)
        if scope not in principal.scopes:
            raise PermissionDeniedError(f"this API token lacks the scope `{scope}`")
        return principal

    return authenticate


async def _any_caller(services: Services, credentials: Credentials) -> AdminPrincipal:
    return await services.authentication.admin(None if credentials is None else credentials.credentials)


async def _operator(services: Services, credentials: Credentials) -> AdminPrincipal:
    principal = await services.authentication.admin(None if credentials is None else credentials.credentials)
    if not principal.is_operator:
        raise PermissionDeniedError("only the operator's key may do this")
    return principal


Caller = Annotated[AdminPrincipal, Depends(_any_caller)]
"""Whoever has a key; which scope it needs is for the service to say."""
Operator = Annotated[AdminPrincipal, Depends(_operator)]
"""The operator's key."""
Reader = Annotated[AdminPrincipal, Depends(_allowed(Scope.READ))]
"""The operator, or an API token with the scope `read`."""
Writer = Annotated[AdminPrincipal, Depends(_allowed(Scope.WRITE))]
"""The operator, or an API token with the scope `write`."""
LogReader = Annotated[AdminPrincipal, Depends(_allowed(Scope.LOGS))]
"""The operator, or an API token with the scope `logs`."""
TokenKeeper = Annotated[AdminPrincipal, Depends(_allowed(Scope.TOKENS))]
"""The operator, or an API token with the scope `tokens`."""


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
