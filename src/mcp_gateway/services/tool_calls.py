"""The heart: check the arguments, carry the tool out, each request sent once, and say what happened."""

import asyncio
import hmac
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

import structlog

from mcp_gateway.catalog.cursor import CursorCodec
from mcp_gateway.catalog.errors import within_budget
from mcp_gateway.catalog.presentation import NOTICE
from mcp_gateway.catalog.procedure import Steps
from mcp_gateway.catalog.run import Run
from mcp_gateway.catalog.tool import Prepared, Tool
from mcp_gateway.exceptions import FaultError, InvalidInputError, Problem, UpstreamBrokenError, UpstreamError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.request_facts import request_facts
from mcp_gateway.kit.sealing import SealError
from mcp_gateway.kit.tasks import Shelter
from mcp_gateway.kit.trace import TraceContext
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.models.upstream import Exchange, UpstreamRequest, WriteIntent
from mcp_gateway.services.account_keys import AccountKeys
from mcp_gateway.services.call_limits import CallLimits
from mcp_gateway.services.duplicates import DuplicateGuard, GuardedWrite
from mcp_gateway.services.key_mask import without_key
from mcp_gateway.services.untrusted_text import copied_markers, marked
from mcp_gateway.services.write_permit import WritePermit
from mcp_gateway.telemetry.events import EventSink, ToolCallFinished
from mcp_gateway.upstream import ratelimit
from mcp_gateway.upstream.port import UpstreamClient

OK = "ok"
CANCELLED = "cancelled"
REPLAYED = "replayed"
"""How an event says that a call ended well, that its caller did not wait for the end, that it was made before."""

MAX_CODECS = 10_000
"""Servers whose cursor codec is kept."""
ABANDONED = ToolOutcome({})
"""Of a call whose caller went before all of it was sent; nobody gets to see it."""
NOT_SENT = (Exchange(failure=UpstreamBrokenError("nobody waits for the answer", sent=False)),)

logger = structlog.get_logger(__name__)


class _ForbiddenError(Exception):
    """A request must not be sent; what the call comes to instead."""

    def __init__(self, error: ToolError) -> None:
        super().__init__(error.type)
        self.error = error


@dataclass(slots=True)
class _Call:
    """One call under way."""

    principal: ServerPrincipal
    tool: Tool
    arguments: Mapping[str, Any]
    trace: TraceContext | None
    client: str | None
    api_key: str = field(default="", repr=False)
    caller_gone: bool = False
    was_sent: bool = False
    """Whether any request may have reached upstream."""
    has_written: bool = False
    write: GuardedWrite | None = None
    """The write it is about to make, or made, where one must not be made twice."""
    upstream_status: int | None = None
    """Of the latest answer; None when nothing was sent, or nothing came back."""
    upstream_seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    def count(self, request: UpstreamRequest) -> None:
        """One request that may be a write is about to leave.

        Raises:
            FaultError: a second write; whatever a document says, one call makes at most one.
        """
        if request.is_write and self.has_written:
            raise FaultError("this call has written already")
        self.has_written = self.has_written or request.is_write


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands between a call and the wire."""

    limits: CallLimits
    """Before anything: how many calls there may be."""
    duplicates: DuplicateGuard
    """Before a write: whether it was made already."""
    permit: WritePermit
    """At the last moment before it: whether the caller still may."""


class ToolCallService:
    """Makes tool calls; at most one write leaves per call, and nothing is sent twice, whatever happens."""

    def __init__(
        self,
        *,
        upstreams: Mapping[str, UpstreamClient],
        keys: AccountKeys,
        guards: Guards,
        events: EventSink,
        clock: Clock,
        cursor_key: bytes,
        result_budget: int,
    ) -> None:
        """`upstreams` by integration; `cursor_key` is any secret the replicas share; the budget is in characters."""
        self._upstreams = upstreams
        self._cursor_key = hmac.digest(cursor_key, b"tool-cursor", sha256)
        self._budget = result_budget
        self._keys = keys
        self._duplicates = guards.duplicates
        self._permit = guards.permit
        self._events = events
        self._clock = clock
        self._limits = guards.limits
        self._writes = Shelter()
        self._cursors: dict[str, CursorCodec] = {}
        """By server."""

    async def call(
        self,
        principal: ServerPrincipal,
        tool: Tool,
        arguments: Mapping[str, Any],
        trace: TraceContext | None = None,
        client: str | None = None,
    ) -> ToolOutcome:
        """What one call came to; every failure is an outcome. `client` is the caller's name for the log.

        Cancelling it, because the caller has gone, ends a read at once. A write may have been sent, so it is let
        finish. Either is told as an event.
        """
        call = _Call(principal, tool, arguments, trace, client)
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
        limits, principal = self._limits, call.principal
        try:
            outcome = None if limits.enter_at_hand(principal) else await limits.enter(principal)
            if outcome is None:
                try:
                    outcome = await self._call(call)
                finally:
                    limits.leave(principal)
        except Exception:
            # A bug of ours: its request is answered with a failure, and the call is told like any other.
            self._finished(call, ErrorType.INTERNAL.value)
            raise
        if outcome.error is not None:
            outcome = within_budget(outcome, self._budget)
            if outcome.error is not None and outcome.error.type is ErrorType.RATE_LIMITED:
                outcome = _dressed(outcome, principal)
        outcome = marked(outcome, fences=principal.config.fence_untrusted_text)
        if outcome is ABANDONED and not call.has_written:
            self._finished(call, CANCELLED)
        else:
            self._finished(call, _status(call, outcome))
        return outcome

    def _finished(self, call: "_Call", status: str) -> None:
        facts = request_facts()
        self._events.tool_call_finished(
            ToolCallFinished(
                tenant_id=call.principal.tenant_id,
                account_id=call.principal.account_id,
                server_id=call.principal.server_id,
                tool=call.tool.name,
                status=status,
                upstream_status=call.upstream_status,
                upstream_seconds=call.upstream_seconds,
                seconds=time.perf_counter() - call.started,
                caller_gone=call.caller_gone,
                trace_id=None if call.trace is None else call.trace.trace_id,
                request_id=facts.request_id,
                client=call.client or facts.user_agent,
                arguments=call.arguments,
                keeps_arguments=call.principal.config.log_arguments,
            )
        )

    async def _call(self, call: "_Call") -> ToolOutcome:
        tool, run = call.tool, self._run_of(call.principal)
        prepared = tool.prepare(call.arguments, run)
        problems = prepared.problems
        if not problems and call.principal.config.fence_untrusted_text:
            problems = copied_markers(call.arguments)
        if problems:
            outcome = ToolOutcome.from_error(_invalid_arguments(tool, problems))
        else:
            outcome = await self._settled(call, prepared.arguments, run)
        return outcome if not prepared.repairs else _with_repairs(outcome, prepared)

    async def _settled(self, call: "_Call", arguments: Mapping[str, Any], run: Run) -> ToolOutcome:
        """What the call comes to, once it is remembered where it must be."""
        try:
            call.api_key = self._keys.open(call.principal)
        except SealError:
            message = "The stored API key of this account cannot be opened, so nothing was sent."
            return ToolOutcome.from_error(_internal(f"{message} Ask the operator to store the key again."))
        try:
            try:
                outcome = await self._carried_out(call, call.tool.steps(arguments, run))
            except Exception as exc:  # noqa: BLE001 - logged and told there, or raised again
                outcome = _crashed(call, exc)
        except Exception:
            # Whatever it was, nobody else may go on waiting for this write; then it goes its way.
            if call.write is not None:
                await self._duplicates.end(call.write, ABANDONED)
            raise
        return outcome if call.write is None else await self._duplicates.end(call.write, outcome)

    async def _carried_out(self, call: "_Call", steps: Steps) -> ToolOutcome:
        """Drive the dialogue: send what it asks for, and tell it what came of that."""
        try:
            requests = next(steps)
            while not call.caller_gone or call.has_written:
                # A write travels alone.
                intent = requests[0].intent
                if intent is not None and (answer := await self._held_back(call, intent)) is not None:
                    return answer
                exchanges: tuple[Exchange, ...]
                if call.caller_gone:
                    # What a written call would still read, nobody waits for; but how it ended is to be remembered.
                    exchanges = NOT_SENT * len(requests)
                elif len(requests) == 1:  # as nearly always: no task, no group
                    exchanges = (await self._exchange(call, requests[0]),)
                else:
                    exchanges = await self._sent_together(call, requests)
                requests = steps.send(exchanges)
        except StopIteration as end:
            outcome: ToolOutcome = end.value
            return outcome
        except _ForbiddenError as exc:
            return ToolOutcome.from_error(exc.error)
        return ABANDONED

    async def _held_back(self, call: "_Call", intent: WriteIntent) -> ToolOutcome | None:
        """What to say instead of sending a write that was made already; None to go on."""
        call.write = await self._duplicates.begin(call.principal, call.tool, intent)
        return call.write.answer or (ABANDONED if call.caller_gone else None)

    async def _sent_together(self, call: "_Call", requests: Sequence[UpstreamRequest]) -> tuple[Exchange, ...]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._exchange(call, request)) for request in requests]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return tuple(task.result() for task in tasks)

    def _exchange(self, call: "_Call", request: UpstreamRequest) -> Coroutine[Any, Any, Exchange]:
        is_read = not request.is_write and request.intent is None
        return self._answered(call, request) if is_read else self._written(call, request)

    async def _written(self, call: "_Call", request: UpstreamRequest) -> Exchange:
        if request.is_write:
            await self._check_permit(call)
        call.count(request)
        write = None if request.intent is None else call.write
        if write is not None:
            write.has_landed = True  # until its answer says otherwise
        exchange = await self._answered(call, request)
        if write is not None:
            write.note(exchange)
        return exchange

    async def _check_permit(self, call: "_Call") -> None:
        if (refusal := await self._permit.refusal(call.principal)) is not None:
            raise _ForbiddenError(refusal)

    async def _answered(self, call: "_Call", request: UpstreamRequest) -> Exchange:
        call.was_sent = True
        if call.trace is not None:
            request = replace(request, trace=call.trace.child())
        try:
            response = await self._upstreams[call.tool.integration].send(
                request,
                call.api_key,
                spent_seconds=time.perf_counter() - call.started,
                last_look=partial(self._check_permit, call) if request.is_write else None,
            )
        except UpstreamError as exc:
            return Exchange(failure=exc)
        except (FaultError, _ForbiddenError):  # it did not leave
            call.has_written = call.has_written and not request.is_write
            if request.intent is not None and call.write is not None:
                call.write.has_landed = False
            raise
        call.upstream_status = response.status
        call.upstream_seconds += response.seconds
        response = without_key(response, call.api_key)
        limits = ratelimit.parse(response.headers, response.status, call.tool.limit_rules, now=self._clock.now())
        return Exchange(response, limits)

    def _run_of(self, principal: ServerPrincipal) -> Run:
        """Cursors are good for one server only."""
        cursors = self._cursors.get(principal.server_id)
        if cursors is None:
            if len(self._cursors) >= MAX_CODECS:
                self._cursors.clear()
            cursors = CursorCodec(partial(_mac, self._cursor_key, principal.server_id))
            self._cursors[principal.server_id] = cursors
        return Run(cursors, self._budget, self._clock.now())


def _status(call: "_Call", outcome: ToolOutcome) -> str:
    """How an event says how the call ended."""
    error = outcome.error
    if error is not None and error.type is ErrorType.DUPLICATE_IN_PROGRESS:
        return error.type.value
    if call.write is not None and call.write.answer is not None:
        return REPLAYED
    return OK if error is None else error.type.value


def _mac(key: bytes, server_id: str, message: bytes) -> bytes:
    return hmac.digest(key, f"{server_id}\n".encode() + message, sha256)


def _crashed(call: _Call, exc: Exception) -> ToolOutcome:
    """What an exception comes to; once a write has left, nothing may be told that invites a second one."""
    tool = call.tool
    if isinstance(exc, InvalidInputError) and not call.was_sent:
        return ToolOutcome.from_error(_invalid_arguments(tool, exc.problems or (Problem("", exc.message),)))
    if isinstance(exc, FaultError) and not call.has_written:
        logger.error("tool_call.unsendable", tool=tool.name, server_id=call.principal.server_id, exc_info=exc)
        return ToolOutcome.from_error(_internal(f"The request could not be sent: {exc.message}."))
    if not call.was_sent:
        raise exc
    logger.error("tool_call.unreadable_answer", tool=tool.name, server_id=call.principal.server_id, exc_info=exc)
    return tool.failed(UpstreamBrokenError("The answer could not be read.", sent=True), has_written=call.has_written)


def _with_repairs(outcome: ToolOutcome, prepared: Prepared) -> ToolOutcome:
    """The outcome with what was read as something else than it was; one nobody gets to see stays itself."""
    if outcome is ABANDONED:
        return outcome
    outcome = outcome._replace(meta={**outcome.meta, "repaired": [one.to_dict() for one in prepared.repairs]})
    if outcome.error is not None or not prepared.notice:
        return outcome
    notice = f"{prepared.notice} {outcome.structured.get(NOTICE, '')}".strip()
    return outcome._replace(structured={**outcome.structured, NOTICE: notice})


def _dressed(outcome: ToolOutcome, principal: ServerPrincipal) -> ToolOutcome:
    return outcome._replace(http_status=429) if principal.config.upstream_429 == "http_429" else outcome


def _invalid_arguments(tool: Tool, problems: Sequence[Problem]) -> ToolError:
    listed = "; ".join(f"{problem.path or 'arguments'}: {problem.message}" for problem in problems)
    return ToolError(
        type=ErrorType.INVALID_ARGUMENTS,
        origin="gateway",
        message=f"The arguments of {tool.name} do not fit, so nothing was sent. {listed}",
        details={"problems": [problem.to_dict() for problem in problems]},
    )


def _internal(message: str) -> ToolError:
    return ToolError(type=ErrorType.INTERNAL, origin="gateway", message=message)
