"""The heart: check the arguments, build the request, send it once, shape the answer, say what happened."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from mcp_gateway.catalog.tool import Tool
from mcp_gateway.exceptions import FaultError, Problem, UpstreamBrokenError, UpstreamError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.redact import MASK
from mcp_gateway.kit.sealing import Sealer, SealError
from mcp_gateway.kit.tasks import Shelter
from mcp_gateway.kit.trace import TraceContext
from mcp_gateway.models.accounts import key_context
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.models.upstream import UpstreamResponse
from mcp_gateway.telemetry.events import EventSink, ToolCallFinished
from mcp_gateway.upstream import ratelimit
from mcp_gateway.upstream.port import UpstreamClient

OK = "ok"
CANCELLED = "cancelled"
"""How an event says that a call ended well, and that its caller did not wait for the end."""

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Call:
    """One call under way."""

    principal: ServerPrincipal
    tool: Tool
    arguments: Mapping[str, Any]
    trace: TraceContext | None
    caller_gone: bool = False
    started: float = field(default_factory=time.perf_counter)


class ToolCallService:
    """Makes tool calls; at most one request leaves for Richpanel per call, whatever happens."""

    def __init__(self, *, upstream: UpstreamClient, sealer: Sealer, events: EventSink, clock: Clock) -> None:
        self._upstream = upstream
        self._sealer = sealer
        self._events = events
        self._clock = clock
        self._writes = Shelter()

    async def call(
        self,
        principal: ServerPrincipal,
        tool: Tool,
        arguments: Mapping[str, Any],
        trace: TraceContext | None = None,
    ) -> ToolOutcome:
        """What one call came to; every failure is an outcome.

        Cancelling it, because the caller has gone, ends a read at once. A write may have been sent, so it is let
        finish. Either is told as an event.
        """
        call = _Call(principal, tool, arguments, trace)
        try:
            return await (self._writes.run(self._run(call)) if tool.is_write else self._run(call))
        except asyncio.CancelledError:
            call.caller_gone = True
            if not tool.is_write:
                self._finished(call, CANCELLED)
            raise

    async def finish_writes(self) -> None:
        """Wait for writes whose callers have gone; each ends within the upstream deadline."""
        await self._writes.join()

    async def _run(self, call: "_Call") -> ToolOutcome:
        outcome, response = await self._call(call)
        if outcome.error is not None and outcome.error.type is ErrorType.RATE_LIMITED:
            outcome = _dressed(outcome, call.principal)
        self._finished(call, OK if outcome.error is None else outcome.error.type.value, response)
        return outcome

    def _finished(self, call: "_Call", status: str, response: UpstreamResponse | None = None) -> None:
        self._events.tool_call_finished(
            ToolCallFinished(
                tenant_id=call.principal.tenant_id,
                server_id=call.principal.server_id,
                tool=call.tool.name,
                status=status,
                upstream_status=None if response is None else response.status,
                upstream_seconds=0.0 if response is None else response.seconds,
                seconds=time.perf_counter() - call.started,
                caller_gone=call.caller_gone,
                trace_id=None if call.trace is None else call.trace.trace_id,
            )
        )

    async def _call(self, call: "_Call") -> tuple[ToolOutcome, UpstreamResponse | None]:
        principal, tool, arguments = call.principal, call.tool, call.arguments
        problems = tool.validate(arguments)
        if problems:
            return ToolOutcome.from_error(_invalid_arguments(tool, problems)), None
        try:
            api_key = self._sealer.open(
                principal.sealed_api_key, key_context(principal.tenant_id, principal.account_id)
            )
        except SealError as exc:
            logger.error("account_key.unsealable", account_id=principal.account_id, reason=str(exc))  # noqa: TRY400 - the text is the whole story
            message = "The stored Richpanel key of this account cannot be opened, so nothing was sent."
            return ToolOutcome.from_error(_internal(f"{message} Ask the operator to store the key again.")), None
        request = tool.build_request(arguments)
        if call.trace is not None:
            request = replace(request, trace=call.trace.child())
        try:
            response = await self._upstream.send(request, api_key)
        except UpstreamError as exc:
            return tool.failed(exc), None
        except FaultError as exc:
            logger.exception("tool_call.unsendable", tool=tool.name, server_id=principal.server_id)
            return ToolOutcome.from_error(_internal(f"The request could not be sent: {exc.message}.")), None
        response = _without_key(response, api_key)
        limits = ratelimit.parse(response.headers, response.status, tool.limit_rules, now=self._clock.now())
        try:
            return tool.shape(response, arguments, limits), response
        except Exception:
            # The request was sent: whatever we fail to read of its answer, a write may have happened.
            logger.exception("tool_call.unreadable_answer", tool=tool.name, server_id=principal.server_id)
            return tool.failed(UpstreamBrokenError("the answer could not be read", sent=True)), response


def _without_key(response: UpstreamResponse, api_key: str) -> UpstreamResponse:
    # Some services repeat a rejected key in their error text, and a quota may be named after the key it is kept for; it
    # must not reach a model, a log or a transcript.
    key = api_key.encode()
    if key in response.body:
        response = replace(response, body=response.body.replace(key, MASK.encode()))
    if any(api_key in value for value in response.headers.values()):
        masked = {name: value.replace(api_key, MASK) for name, value in response.headers.items()}
        response = replace(response, headers=masked)
    return response


def _dressed(outcome: ToolOutcome, principal: ServerPrincipal) -> ToolOutcome:
    return replace(outcome, http_status=429) if principal.config.upstream_429 == "http_429" else outcome


def _invalid_arguments(tool: Tool, problems: tuple[Problem, ...]) -> ToolError:
    listed = "; ".join(f"{problem.path or 'arguments'}: {problem.message}" for problem in problems)
    return ToolError(
        type=ErrorType.INVALID_ARGUMENTS,
        origin="gateway",
        message=f"The arguments of {tool.name} do not fit, so nothing was sent. {listed}",
        details={"problems": [problem.to_dict() for problem in problems]},
    )


def _internal(message: str) -> ToolError:
    return ToolError(type=ErrorType.INTERNAL, origin="gateway", message=message)
