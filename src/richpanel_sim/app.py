"""The ASGI app: record, force a fault or answer, and put the rate-limit headers on.

Order of checks on ``/v1``: route (403 like API Gateway), key (401), quota (429), then the operation's own.
"""

import ipaddress
from typing import Any
from urllib.parse import parse_qsl

import orjson

from richpanel_sim.admin import answer_admin
from richpanel_sim.asgi import ClientGoneError, Receive, Scope, Send, Wire, accept_lifespan
from richpanel_sim.delivery import Suffering
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.extra_fields import with_extra_fields
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
        wire = Wire(scope, receive, send, self.state.clock)
        try:
            if scope["raw_path"].startswith(b"/_sim/"):
                await wire.send(self._answer_admin(scope, await wire.read_body()))
            else:
                await self._serve(scope, wire)
        except ClientGoneError:
            return
        except RefusalError as refusal:
            await wire.send(refusal.refusal.to_reply(self.state.switches))

    def _answer_admin(self, scope: Scope, body: bytes) -> Reply:
        if not _is_loopback(scope):
            return forbidden().refusal.to_reply(self.state.switches)
        return answer_admin(self.state, scope["method"], scope["raw_path"].decode("latin-1"), _query(scope), body)

    async def _serve(self, scope: Scope, wire: Wire) -> None:
        """Answer a ``/v1`` request, or let it suffer; either way it is recorded."""
        state, tenant = self.state, self.state.tenant_for(_header(scope, b"x-richpanel-key"))
        name = tenant.organization_id if tenant else None
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        fault = state.faults.take(scope["method"], target, name, is_read=False)
        body = b"" if fault else await wire.read_body()
        number = state.recorder.begin(
            RecordedRequest(0, state.clock.now(), scope["method"], target, tuple(scope["headers"]), body, tenant=name)
        )
        fault = fault or state.faults.take(scope["method"], target, name, is_read=True)
        if fault is None:
            reply = self._honest(scope, body, tenant)
            state.recorder.finish(number, reply.status)
            await wire.send(reply)
            return
        suffering = Suffering(
            fault,
            wire,
            honest=lambda: self._honest(scope, body, tenant),
            dress_up=lambda reply: self._with_standing(reply, state.limiter.peek(name, self._noise)),
            note=lambda status: state.recorder.finish(number, status),
        )
        await suffering.endure(state.clock.now())

    def _honest(self, scope: Scope, body: bytes, tenant: Tenant | None) -> Reply:
        name = tenant.organization_id if tenant else None
        try:
            reply, standing = self._answer(scope, body, tenant)
        except RefusalError as refused:
            reply = refused.refusal.to_reply(self.state.switches)
            standing = self.state.limiter.peek(name, self._noise)
        if self.state.switches.extra_fields:
            reply = with_extra_fields(reply)
        return self._with_standing(reply, standing)

    def _answer(self, scope: Scope, body: bytes, tenant: Tenant | None) -> tuple[Reply, Standing]:
        state = self.state
        route = find_route(scope["method"], scope["raw_path"])
        if route is None:
            raise unknown_route()
        if tenant is None:
            raise bad_key(state.switches.bad_key_status)
        standing = state.limiter.take(tenant.organization_id, self._noise)
        if standing.retry_after is not None:
            return self._turned_away(standing), standing
        handler, segments = route
        content_type = _header(scope, b"content-type") or ""
        call = Call(
            tenant=tenant,
            switches=state.switches,
            now=state.clock.now(),
            path=scope["raw_path"].decode("latin-1").removeprefix("/v1"),
            segments=segments,
            query=_query(scope),
            body=_json_body(scope["method"], body, content_type),
            content=body,
            content_type=content_type,
            base_url=f"{scope['scheme']}://{_header(scope, b'host') or 'api.richpanel.example'}/v1",
        )
        return handler(call), standing

    def _turned_away(self, standing: Standing) -> Reply:
        refusal = too_many_requests(standing.limit, self.state.limiter.quota.seconds)
        reply = refusal.to_reply(self.state.switches)
        told = self.state.switches.retry_after_header
        return reply.with_headers(("retry-after", str(standing.retry_after))) if told else reply

    def _with_standing(self, reply: Reply, standing: Standing) -> Reply:
        switches = self.state.switches
        if not switches.rate_limit_headers:
            return reply
        reply = reply.with_headers(
            ("x-ratelimit-limit", str(standing.limit)), ("x-ratelimit-remaining", str(standing.remaining))
        )
        if switches.rate_limit_reset == "absent":
            return reply
        start = self.state.clock.now().timestamp() if switches.rate_limit_reset == "epoch" else 0
        return reply.with_headers(("x-ratelimit-reset", str(int(start) + standing.reset)))

    @property
    def _noise(self) -> int:
        return self.state.switches.shared_quota_noise


def create_app(state: SimulatorState) -> RichpanelSimulator:
    """The simulator as an ASGI app over ``state``, which the caller keeps to look into and to change."""
    return RichpanelSimulator(state)


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), None)


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


def _json_body(method: str, body: bytes, content_type: str) -> Any:
    # Express parses only what is declared as JSON and leaves {} otherwise.
    if method == "GET" or not body or "json" not in content_type:
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
