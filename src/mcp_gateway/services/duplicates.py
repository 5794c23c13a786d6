"""At most once: the same write within the window is not sent again, and its answer says so.

Remembered is what may have been made upstream: a 2xx, a 5xx, a redirect, a 408, an outcome nobody knows. A refusal
(another 4xx), a connection that was refused and our own errors leave nothing behind, so the same call may follow at
once. Without Redis the call is sent, and its answer says that nothing watched over it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Any

import structlog

from mcp_gateway.catalog.repetition import ALLOW_DUPLICATE
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.kit.clock import Clock
from mcp_gateway.kit.sealing import Sealer, SealError
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.principals import ServerPrincipal
from mcp_gateway.models.upstream import Exchange, WriteIntent
from mcp_gateway.services.outcome_codec import dump_outcome, load_outcome
from mcp_gateway.storage.call_memory import CallKeys, CallMemory, Claim
from mcp_gateway.storage.redis_link import RedisDownError

REFUSED = 4
"""Class of the statuses that say that nothing was done."""
LEASE_MARGIN_SECONDS = 10.0
"""What a call may take beyond the deadline of its upstream requests."""
CONTEXT = "call-memory"
GUARD = "duplicate_guard"
"""In `_meta`: "off" where a write was sent without being looked for."""

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class GuardedWrite:
    """One write under way, from the moment before it is sent to the moment its outcome is known."""

    intent: WriteIntent
    subject_key: str | None
    keys: CallKeys | None
    """None for a write that may be repeated and only ends the memory of others."""
    window_ms: int
    first: str
    """When it was claimed, RFC 3339."""
    owner: str = field(default_factory=lambda: token_hex(16))
    answer: ToolOutcome | None = None
    """Set where the write must not be sent: what to say instead."""
    is_watched: bool = True
    """False when Redis could not be asked."""
    has_landed: bool = False
    """Whether upstream may have acted."""

    def note(self, exchange: Exchange) -> None:
        """What came of the request."""
        if exchange.response is not None:
            status = exchange.response.status
            self.has_landed = status // 100 != REFUSED or status == HTTPStatus.REQUEST_TIMEOUT
        else:
            self.has_landed = exchange.failure is None or exchange.failure.sent


class DuplicateGuard:
    """Stands between a prepared write and the wire."""

    def __init__(self, *, memory: CallMemory, sealer: Sealer, clock: Clock, longest_call_seconds: float) -> None:
        """`longest_call_seconds` is the deadline of all that one call sends."""
        self._memory = memory
        self._sealer = sealer
        self._clock = clock
        self._lease_ms = int((longest_call_seconds + LEASE_MARGIN_SECONDS) * 1000)

    async def begin(self, principal: ServerPrincipal, tool: Tool, intent: WriteIntent) -> GuardedWrite:
        """Claim a write; `answer` is set when it was made already. One round trip, none for what may be repeated."""
        write = self._write(principal, intent)
        if write.keys is None:
            return write
        try:
            claim = await self._memory.claim(
                write.keys,
                write.owner,
                lease_ms=self._lease_ms,
                window_ms=write.window_ms,
                first=write.first,
                forced=intent.allow_duplicate,
            )
        except RedisDownError:
            write.is_watched = False
            return write
        if claim.standing != "claimed":
            write.answer = self._answer(tool, write.keys, claim)
        return write

    async def end(self, write: GuardedWrite, outcome: ToolOutcome) -> ToolOutcome:
        """Remember, or forget; the outcome as it is to be told. At most one round trip."""
        if write.answer is not None:
            return outcome
        try:
            await self._settle(write, outcome)
        except RedisDownError:
            write.is_watched = False
        if write.keys is None or write.is_watched:
            return outcome
        return outcome._replace(meta={**outcome.meta, GUARD: "off"})

    def _write(self, principal: ServerPrincipal, intent: WriteIntent) -> GuardedWrite:
        memory, window = self._memory, principal.config.duplicate_window_seconds
        account_id, subject = principal.account_id, intent.subject
        keys = None
        if intent.fingerprint is not None and window:
            keys = memory.keys(account_id, principal.server_id, intent.fingerprint, subject)
        subject_key = None if subject is None else memory.subject_key(account_id, subject)
        return GuardedWrite(intent, subject_key, keys, window * 1000, _rfc_3339(self._clock.now()))

    async def _settle(self, write: GuardedWrite, outcome: ToolOutcome) -> None:
        if write.keys is None:
            if write.has_landed and write.subject_key is not None:
                await self._memory.stamp(write.subject_key, write.owner)
        elif write.has_landed:
            sealed = self._sealer.seal_bytes(dump_outcome(outcome), (CONTEXT, write.keys.call))
            await self._memory.keep(
                write.keys, write.owner, window_ms=write.window_ms, first=write.first, outcome=sealed
            )
        else:
            # Also where nobody knows whether the claim arrived: it would stand in the way of a second try.
            await self._memory.drop(write.keys, write.owner)

    def _answer(self, tool: Tool, keys: CallKeys, claim: Claim) -> ToolOutcome:
        if claim.standing == "running":
            return _in_progress(tool, claim.first)
        if claim.standing == "lost":
            said = f"The same call was made at {claim.first} and its end was never recorded, so this one was not sent."
            return _marked(tool.unconfirmed(said), claim.first)
        try:
            outcome = load_outcome(self._sealer.open_bytes(claim.outcome, (CONTEXT, keys.call)))
        except (SealError, ValueError, KeyError, TypeError) as exc:
            # A stranger's value, or one of a key that is gone: that the call was made is certain, no more than that.
            logger.warning("call_memory.unreadable", tool=tool.name, reason=type(exc).__name__)
            said = f"The same call was made at {claim.first} and its answer cannot be read, so this one was not sent."
            return _marked(tool.unconfirmed(said), claim.first)
        return _replayed(outcome, claim.first)


def _rfc_3339(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _again(first: str) -> str:
    return (
        f"Not sent again: this is the answer of the same call of {first}. If it is meant twice: {ALLOW_DUPLICATE} true."
    )


def _replayed(outcome: ToolOutcome, first: str) -> ToolOutcome:
    """The first call's outcome, marked for programs and, in words, for models."""
    if outcome.error is None:
        earlier = outcome.structured.get("notice")
        notice = f"{earlier} {_again(first)}" if isinstance(earlier, str) else _again(first)
        told = outcome._replace(structured={**outcome.structured, "notice": notice, "duplicate_of": first})
    else:
        error = replace(outcome.error, message=f"{outcome.error.message} {_again(first)}")
        told = outcome._replace(error=error, structured={"error": error.to_dict()})
    return _marked(told, first)


def _marked(outcome: ToolOutcome, first: str) -> ToolOutcome:
    meta: dict[str, Any] = {**outcome.meta, "duplicate_of": first}
    if outcome.error is None:
        return outcome._replace(meta=meta)
    error = replace(outcome.error, details={**outcome.error.details, "duplicate_of": first})
    return outcome._replace(error=error, structured={"error": error.to_dict()}, meta=meta)


def _in_progress(tool: Tool, first: str) -> ToolOutcome:
    message = (
        f"The same call of {tool.name}, made at {first}, is still running, so this one was not sent. Wait for its "
        f"answer; the same call after it gets that answer too. If it is meant twice: {ALLOW_DUPLICATE} true."
    )
    return _marked(ToolOutcome.from_error(ToolError(ErrorType.DUPLICATE_IN_PROGRESS, "gateway", message)), first)
