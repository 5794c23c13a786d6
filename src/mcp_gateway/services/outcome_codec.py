"""Outcomes to bytes and back, for the short time a repeated call is answered with the first one's."""

from typing import Any

import orjson

from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome

MAX_KEPT_BYTES = 64 * 1024
"""Of one outcome; a result of the usual 40,000 characters fits."""
TOO_LARGE = "The first call succeeded; its answer is too large to be kept."


def dump_outcome(outcome: ToolOutcome) -> bytes:
    """JSON bytes, at most MAX_KEPT_BYTES: of a larger outcome only how it ended."""
    whole = _dump(outcome)
    if len(whole) <= MAX_KEPT_BYTES and not outcome.content:
        return whole
    error = outcome.error
    if error is None:
        return _dump(ToolOutcome({"result": None, "notice": TOO_LARGE}))
    short = ToolError(error.type, error.origin, error.message, error.status, quotes_upstream=error.quotes_upstream)
    return _dump(ToolOutcome.from_error(short))


def load_outcome(payload: bytes) -> ToolOutcome:
    """The outcome; what was not kept of it, rate limits above all, was of that one call."""
    fields: dict[str, Any] = orjson.loads(payload)
    error = fields["error"]
    if error is None:
        return ToolOutcome(fields["structured"], meta=fields["meta"])
    told = ToolError(**{**error, "type": ErrorType(error["type"])})
    return ToolOutcome(fields["structured"], told, meta=fields["meta"])


def _dump(outcome: ToolOutcome) -> bytes:
    error = outcome.error
    told = None
    if error is not None:
        told = {
            "type": error.type,
            "origin": error.origin,
            "message": error.message,
            "status": error.status,
            "details": error.details,
            "quotes_upstream": error.quotes_upstream,
        }
    return orjson.dumps({"structured": outcome.structured, "error": told, "meta": dict(outcome.meta)})
