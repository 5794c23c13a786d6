"""`POST /mcp/{token}` and `POST /mcp`: one URL for every client and every protocol revision, stateless.

A plain ASGI endpoint, because this is the hot path. The order of checks is the one both eras and the clients in use
expect: Origin, Host, method, media types, size, token, API token, and then the protocol's own.
"""

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.exceptions import MalformedRequestError, PayloadTooLargeError, StoreUnavailableError
from mcp_gateway.factory import Factory
from mcp_gateway.http.bodies import check_declared_length, read_body
from mcp_gateway.http.mcp.cors import answer_preflight, for_origin
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.patience import Patience, PatientAnswer
from mcp_gateway.http.secrets_in_path import TOKEN_KEY
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.errors import INVALID_REQUEST
from mcp_gateway.protocol.exchange import answer, internal_error_reply
from mcp_gateway.protocol.preflight import accepts_event_stream, preflight
from mcp_gateway.protocol.progress import Notify
from mcp_gateway.protocol.reply import Reply, error_reply

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


class McpEndpoint:
    """ASGI application for the four spellings of the endpoint's path."""

    def __init__(self, hosts: HostCheck, patience: Patience) -> None:
        self._hosts = hosts
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        factory: Factory = scope["app"].state.factory
        origins = _values(scope, b"origin")
        if origins and self._hosts.allows_origin(origins):
            send = for_origin(send, origins[0])
        reply = await self._reply(scope, receive, send, factory)
        if reply is not None:
            await Response(reply.body, status_code=reply.status, headers=dict(reply.headers))(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive, send: Send, factory: Factory) -> Reply | None:
        """The answer to be sent; None when it went out as an event stream."""
        refusal = self._refusal(scope)
        if refusal is not None:
            return refusal
        try:
            check_declared_length(scope, MAX_REQUEST_BYTES)
            body = await read_body(receive, MAX_REQUEST_BYTES)
        except PayloadTooLargeError as exc:
            return error_reply(413, INVALID_REQUEST, exc.message, headers=(("connection", "close"),))
        except MalformedRequestError as exc:
            return error_reply(408, INVALID_REQUEST, exc.message, headers=(("connection", "close"),))
        try:
            principal = await self._authenticate(scope, factory)
        except StoreUnavailableError as exc:
            logger.error("fault", code=exc.code, reason=type(exc.__cause__).__name__)  # noqa: TRY400 - an outage is one line
            return UNAVAILABLE_REPLY
        if isinstance(principal, Reply):
            return principal
        patient = PatientAnswer(receive, send, self._patience, may_stream=accepts_event_stream(scope["headers"]))
        return await patient.of(lambda notify: _answer(scope, body, principal, factory, notify))

    def _refusal(self, scope: Scope) -> Reply | None:
        if not self._hosts.allows_origin(_values(scope, b"origin")):
            return error_reply(403, INVALID_REQUEST, "This Origin may not call; the operator can allow it.")
        if not self._hosts.allows_host(_values(scope, b"host")):
            return error_reply(421, INVALID_REQUEST, "This Host is not served here; the operator can allow it.")
        return answer_preflight(scope, "POST") or preflight(scope["method"], scope["headers"])

    async def _authenticate(self, scope: Scope, factory: Factory) -> ServerPrincipal | Reply:
        token = scope.get(TOKEN_KEY)
        in_header = token is None
        if token is None:
            token = _bearer(scope)
            if token is None:
                message = "Send `Authorization: Bearer <token>`, or use the URL that holds the token."
                return error_reply(401, UNAUTHORIZED, message, headers=CHALLENGE)
        principal = await factory.authentication.server(token)
        if principal is None:
            return DEAD_TOKEN_REPLY
        if principal.config.require_api_token_auth:
            api_token = _api_token(scope, may_be_bearer=not in_header)
            if not await factory.authentication.is_tenant_caller(api_token, principal.tenant_id):
                message = (
                    "This server also needs an API token of its tenant, as `Authorization: Bearer` or `X-API-Token`."
                )
                return error_reply(401, UNAUTHORIZED, message, headers=CHALLENGE)
        return principal


async def _answer(
    scope: Scope, body: bytes, principal: ServerPrincipal, factory: Factory, notify: Notify | None
) -> Reply:
    try:
        return await answer(scope["headers"], body, factory.hosts.host(principal), notify)
    except Exception:
        logger.exception("mcp.failed", server_id=principal.server_id)
        return internal_error_reply(body)


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _bearer(scope: Scope) -> str | None:
    values = _values(scope, b"authorization")
    if len(values) != 1:
        return None
    scheme, _, credential = values[0].decode("latin-1").strip().partition(" ")
    return credential.strip() if scheme.lower() == BEARER and credential.strip() else None


def _api_token(scope: Scope, *, may_be_bearer: bool) -> str | None:
    values = _values(scope, b"x-api-token")
    if len(values) == 1:
        return values[0].decode("latin-1").strip()
    return _bearer(scope) if may_be_bearer else None
