"""The ASGI app: record, force a fault or answer, and put the rate-limit headers on.

Order of checks on ``/v1``: route (403 like API Gateway), key (401), quota (429), then the operation's own.
"""

import ipaddress
from typing import Any
from urllib.parse import parse_qsl

import orjson

from richpanel_sim.admin import answer_admin
from richpanel_sim.asgi import (
    ClientGoneError,
    Receive,
    Scope,
    Send,
    accept_lifespan,
    drop_connection,
    read_body,
    send_reply,
)
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.limits import Standing
from richpanel_sim.recorder import RecordedRequest
from richpanel_sim.refusals import RefusalError, bad_key, forbidden, too_many_requests, unknown_route, unparsable
from richpanel_sim.routes import find_route
from richpanel_sim.state import SimulatorState
from richpanel_sim.tenants import Tenant


class RichpanelSimulator:
    """Richpanel's ``/v1`` over one ``state``, and the simulator's own ``/_sim`` beside it (see ``admin``).

    A plain ASGI 3 app for HTTP; needs ``raw_path`` in the scope, which uvicorn and httpx's ASGITransport give.
    """

    def __init__(self, state: SimulatorState) -> None:
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await accept_lifespan(receive, send)
            return
        try:
            body = await read_body(receive)
        except ClientGoneError:
            return
        except RefusalError as refusal:
            await send_reply(send, refusal.reply)
            return
        if scope["raw_path"].startswith(b"/_sim/"):
            await send_reply(send, self._answer_admin(scope, body))
            return
        reply = self._serve(scope, body)
        await (send_reply(send, reply) if reply else drop_connection(scope, receive))

    def _answer_admin(self, scope: Scope, body: bytes) -> Reply:
        if not _is_loopback(scope):
            return forbidden().reply
        return answer_admin(self.state, scope["method"], scope["raw_path"].decode("latin-1"), _query(scope), body)

    def _serve(self, scope: Scope, body: bytes) -> Reply | None:
        """The reply to a ``/v1`` request, recorded; None to drop the connection."""
        tenant = self.state.tenant_for(_header(scope, b"x-richpanel-key"))
        name = tenant.organization_id if tenant else None
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        number = self.state.recorder.begin(
            RecordedRequest(
                0, self.state.clock.now(), scope["method"], target, tuple(scope["headers"]), body, tenant=name
            )
        )
        reply = self._forced_or_honest(scope, body, target, tenant)
        self.state.recorder.finish(number, reply.status if reply else None)
        return reply

    def _forced_or_honest(self, scope: Scope, body: bytes, target: bytes, tenant: Tenant | None) -> Reply | None:
        name = tenant.organization_id if tenant else None
        fault = self.state.faults.take(scope["method"], target, name)
        if fault is None:
            return self._honest(scope, body, tenant)
        if fault.after_effect:
            self._honest(scope, body, tenant)
        if fault.kind == "drop":
            return None
        reply = fault.to_reply()
        return _with_standing(reply, self.state.limiter.peek(name)) if fault.rate_limit_headers else reply

    def _honest(self, scope: Scope, body: bytes, tenant: Tenant | None) -> Reply:
        name = tenant.organization_id if tenant else None
        try:
            reply, standing = self._answer(scope, body, tenant)
        except RefusalError as refusal:
            reply, standing = refusal.reply, self.state.limiter.peek(name)
        return _with_standing(reply, standing)

    def _answer(self, scope: Scope, body: bytes, tenant: Tenant | None) -> tuple[Reply, Standing]:
        state = self.state
        route = find_route(scope["method"], scope["raw_path"])
        if route is None:
            raise unknown_route()
        if tenant is None:
            raise bad_key(state.switches.bad_key_status)
        standing = state.limiter.take(tenant.organization_id)
        if standing.retry_after is not None:
            return self._turned_away(standing), standing
        handler, segments = route
        call = Call(
            tenant=tenant,
            switches=state.switches,
            now=state.clock.now(),
            path=scope["raw_path"].decode("latin-1").removeprefix("/v1"),
            segments=segments,
            query=_query(scope),
            body=_json_body(scope, body),
            base_url=f"{scope['scheme']}://{_header(scope, b'host') or 'api.richpanel.example'}/v1",
        )
        return handler(call), standing

    def _turned_away(self, standing: Standing) -> Reply:
        reply = too_many_requests(standing.limit, self.state.limiter.quota.seconds)
        told = self.state.switches.retry_after_header
        return reply.with_headers(("retry-after", str(standing.retry_after))) if told else reply


def create_app(state: SimulatorState) -> RichpanelSimulator:
    """The simulator as an ASGI app over ``state``, which the caller keeps to look into and to change."""
    return RichpanelSimulator(state)


def _with_standing(reply: Reply, standing: Standing) -> Reply:
    return reply.with_headers(
        ("x-ratelimit-limit", str(standing.limit)), ("x-ratelimit-remaining", str(standing.remaining))
    )


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), None)


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


def _json_body(scope: Scope, body: bytes) -> Any:
    # Express parses only what is declared as JSON and leaves {} otherwise.
    if scope["method"] == "GET" or not body or "json" not in (_header(scope, b"content-type") or ""):
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise unparsable() from fault


def _is_loopback(scope: Scope) -> bool:
    host = (scope.get("client") or ("",))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
