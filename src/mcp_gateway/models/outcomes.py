"""What one tool call came to, before any protocol dresses it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from mcp_gateway.kit.redact import redact, redacted
from mcp_gateway.models.content import ContentBlock
from mcp_gateway.models.limits import RateLimits


class ErrorType(StrEnum):
    """`structuredContent.error.type`; a public, closed list."""

    INVALID_ARGUMENTS = "invalid_arguments"
    TOOL_UNAVAILABLE = "tool_unavailable"
    UPSTREAM_REJECTED = "upstream_rejected"
    UPSTREAM_AUTH = "upstream_auth"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_BAD_RESPONSE = "upstream_bad_response"
    UPSTREAM_TOO_LARGE = "upstream_too_large"
    OUTCOME_UNKNOWN = "outcome_unknown"
    DUPLICATE_IN_PROGRESS = "duplicate_in_progress"
    REVOKED = "revoked"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ToolError:
    """Why a call failed, in words a model can act on."""

    type: ErrorType
    origin: Literal["upstream", "gateway"]
    message: str
    """Plain sentences: what went wrong and what to do next. Never a secret."""
    status: int | None = None
    """Upstream's HTTP status, where there was an answer."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the error object, e.g. `problems`, `retry_after_seconds`."""
    quotes_upstream: bool = False
    """Whether message or details hold words that upstream chose."""

    def to_dict(self) -> dict[str, Any]:
        """The `error` object of the contract."""
        return {
            "type": self.type.value,
            "origin": self.origin,
            "status": self.status,
            "message": self.message,
            **self.details,
        }


class ToolOutcome(NamedTuple):
    """The answer of one tool call."""

    structured: Mapping[str, Any]
    """`{"result": …}` with `next_cursor` on list tools, or `{"error": …}`; empty where the content says it all."""
    error: ToolError | None = None
    limits: RateLimits | None = None
    """Upstream's rate limits as told by the answer of this very call."""
    http_status: int = 200
    """Other than 200 only for a server configured with `upstream_429: http_429`."""
    content: tuple[ContentBlock, ...] = ()
    """Blocks behind the one that repeats `structured` as text."""
    meta: Mapping[str, Any] = MappingProxyType({})
    """What else there is to say about the call, for `_meta` of the result: name below our prefix → value."""
    fence: str | None = None
    """The nonce of the marker that the text blocks are wrapped in; None to leave them as they are."""

    @classmethod
    def from_error(cls, error: ToolError, limits: RateLimits | None = None) -> "ToolOutcome":
        """A failed call. Errors repeat what the caller sent, and people paste keys where none belongs."""
        error = replace(error, message=redact(error.message), details=redacted(error.details))
        return cls(structured={"error": error.to_dict()}, error=error, limits=limits)
