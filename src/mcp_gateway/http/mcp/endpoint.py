"""`POST /mcp/{token}` and `POST /mcp`: one URL for every client and every protocol revision, stateless.

The order of checks is the one both eras and the clients in use expect: Origin, Host, method, media types, size, token,
API token, and then the protocol's own. What would pass all of them at first sight comes by `direct`.
"""

from collections.abc import Callable

import structlog
from starlette.types import Receive, Scope, Send

from mcp_gateway.factory import Factory
from mcp_gateway.http.mcp.admission import authenticated, place_refusal, posted_body, respond
from mcp_gateway.http.mcp.cors import answer_preflight, for_pages
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.patience import Patience, PatientAnswer
from mcp_gateway.http.mcp.sunset import with_sunset
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.protocol.exchange import answer, internal_error_reply
from mcp_gateway.protocol.host import Host
from mcp_gateway.protocol.preflight import accepts_event_stream, preflight
from mcp_gateway.protocol.progress import Notify
from mcp_gateway.protocol.reply import Reply

logger = structlog.get_logger(__name__)


class McpEndpoint:
    """ASGI application for the four spellings of the endpoint's path."""

    def __init__(self, hosts: HostCheck, patience: Patience) -> None:
        self._hosts = hosts
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        factory: Factory = scope["app"].state.factory
        send = for_pages(send, scope, self._hosts)
        refusal = self._refusal(scope) or await self._answer(scope, receive, send, factory)
        if refusal is not None:
            await respond(refusal, send)

    def _refusal(self, scope: Scope) -> Reply | None:
        return (
            place_refusal(scope, self._hosts)
            or answer_preflight(scope, "POST")
            or preflight(scope["method"], scope["headers"])
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send, factory: Factory) -> Reply | None:
        """Send the protocol's answer; what comes back instead is a refusal that came before it."""
        body = await posted_body(scope, receive)
        if isinstance(body, Reply):
            return body
        principal = await authenticated(scope, factory)
        if isinstance(principal, Reply):
            return principal
        send = with_sunset(send, principal.expires_at, factory.clock)
        patient = PatientAnswer(receive, send, self._patience, may_stream=accepts_event_stream(scope["headers"]))
        reply = await patient.of(lambda notify: answered(scope, body, principal, factory.hosts.host, notify))
        if reply is not None:
            await respond(reply, send)
        return None


async def answered(
    scope: Scope,
    body: bytes,
    principal: ServerPrincipal,
    host_of: Callable[[ServerPrincipal], Host],
    notify: Notify | None,
) -> Reply:
    """The protocol's answer; a bug is logged and answered too, so that the client stops waiting."""
    try:
        return await answer(scope["headers"], body, host_of(principal), notify)
    except Exception:
        # A bug, or a store out of reach: clients drop the whole connection on a 5xx.
        logger.exception("mcp.failed", server_id=principal.server_id)
        return internal_error_reply(body)
