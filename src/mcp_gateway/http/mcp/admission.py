"""What every request behind an MCP URL has to pass, whatever its transport: its place, its size, its caller."""

from dataclasses import replace
from http import HTTPStatus

import structlog
from starlette.types import Receive, Scope, Send

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.exceptions import MalformedRequestError, PayloadTooLargeError, StoreUnavailableError
from mcp_gateway.factory import Factory
from mcp_gateway.http.bodies import check_declared_length, read_body
from mcp_gateway.http.client_address import CLIENT_ADDRESS_KEY, subscriber
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.secrets_in_path import TOKEN_KEY
from mcp_gateway.http.whole import drop_rest
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.errors import INVALID_REQUEST, LIMITED
from mcp_gateway.protocol.reply import Reply, error_reply
from mcp_gateway.protocol.results import refusal_headers

UNAUTHORIZED = -31_401
DEAD_TOKEN = -31_404
UNAVAILABLE = -31_503
"""Our own JSON-RPC codes, outside the ranges that JSON-RPC and MCP keep for themselves."""

BEARER = "bearer"
# No `resource_metadata`: clients prefer OAuth as soon as discovery answers, and there is none behind a secret URL.
CHALLENGE = (("www-authenticate", "Bearer"),)

# One reply for unknown, malformed, expired and revoked: they must not be told apart. A body, because clients of
# 2026-07-28 take an empty 404 for an old server and go on probing.
DEAD_TOKEN_REPLY = error_reply(404, DEAD_TOKEN, "There is no MCP server at this URL: ask for a new one.")
UNAVAILABLE_REPLY = error_reply(
    503, UNAVAILABLE, "The gateway's stores do not answer at the moment.", headers=(("retry-after", "1"),)
)

logger = structlog.get_logger(__name__)


async def respond(reply: Reply, send: Send) -> None:
    """Send a complete answer."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in dict(reply.headers).items()]
    if reply.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def place_refusal(scope: Scope, hosts: HostCheck) -> Reply | None:
    """403 or 421 for an `Origin` or a `Host` that is not ours, or None."""
    if not hosts.allows_origin(_values(scope, b"origin")):
        return error_reply(403, INVALID_REQUEST, "This Origin may not call; the operator can allow it.")
    if not hosts.allows_host(_values(scope, b"host")):
        return error_reply(421, INVALID_REQUEST, "This Host is not served here; the operator can allow it.")
    return None


async def posted_body(scope: Scope, receive: Receive) -> bytes | Reply:
    """The body, or 413 or 408."""
    try:
        check_declared_length(scope, MAX_REQUEST_BYTES)
        return await read_body(receive, MAX_REQUEST_BYTES)
    except PayloadTooLargeError as exc:
        drop_rest(scope)
        return error_reply(413, INVALID_REQUEST, exc.message, headers=(("connection", "close"),))
    except MalformedRequestError as exc:
        return error_reply(408, INVALID_REQUEST, exc.message, headers=(("connection", "close"),))


async def authenticated(scope: Scope, factory: Factory) -> ServerPrincipal | Reply:
    """Whose tools the caller may use, or 401, 404 or 503."""
    try:
        return await _authenticate(scope, factory)
    except StoreUnavailableError as exc:
        return unavailable(exc)


def unavailable(exc: StoreUnavailableError) -> Reply:
    """Log an outage of a store, and 503."""
    logger.error("fault", code=exc.code, reason=type(exc.__cause__).__name__)
    return UNAVAILABLE_REPLY


async def _authenticate(scope: Scope, factory: Factory) -> ServerPrincipal | Reply:
    token = scope.get(TOKEN_KEY)
    in_header = token is None
    if token is None:
        token = bearer(scope)
        if token is None:
            message = "Send `Authorization: Bearer <token>`, or use the URL that holds the token."
            return error_reply(401, UNAUTHORIZED, message, headers=CHALLENGE)
    principal = await factory.authentication.server(token)
    if principal is None:
        return await _counted(DEAD_TOKEN_REPLY, scope, factory)
    if principal.config.require_api_token_auth:
        api_token = _api_token(scope, may_be_bearer=not in_header)
        digest = await factory.authentication.tenant_caller(api_token, principal.tenant_id)
        if digest is None:
            message = "This server also needs an API token of its tenant, as `Authorization: Bearer` or `X-API-Token`."
            refused = error_reply(401, UNAUTHORIZED, message, headers=CHALLENGE)
            return refused if api_token is None else await _counted(refused, scope, factory)
        principal = replace(principal, api_token_digest=digest)
    return principal


async def _counted(reply: Reply, scope: Scope, factory: Factory) -> Reply:
    """The answer to a credential that stands for nothing, or 429 to who sends too many of them.

    The credential has been looked up by then: clients share addresses, and a live one always passes.
    """
    refusal = await factory.limits.miss(subscriber(scope[CLIENT_ADDRESS_KEY]))
    if refusal is None:
        return reply
    return error_reply(429, LIMITED, refusal.message, headers=refusal_headers(refusal, None))


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def bearer(scope: Scope) -> str | None:
    """The credential of the one `Authorization: Bearer`, or None."""
    values = _values(scope, b"authorization")
    if len(values) != 1:
        return None
    scheme, _, credential = values[0].decode("latin-1").strip().partition(" ")
    return credential.strip() if scheme.lower() == BEARER and credential.strip() else None


def _api_token(scope: Scope, *, may_be_bearer: bool) -> str | None:
    values = _values(scope, b"x-api-token")
    if len(values) == 1:
        return values[0].decode("latin-1").strip()
    return bearer(scope) if may_be_bearer else None
