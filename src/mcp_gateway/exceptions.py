"""Every error the gateway raises on purpose; who broke the rule decides the branch.

GatewayError                       code · http_status · a public message
├─ CallerError                     the caller can fix it; never alerts
│  ├─ InvalidInputError      422   one entry in `problems` per offending field
│  ├─ NoToolsError           400   a filter that leaves no tool
│  ├─ MalformedRequestError  400   not JSON, or a cursor of ours that was altered
│  ├─ UnauthenticatedError   401
│  ├─ PermissionDeniedError  403
│  │  └─ InsufficientScopeError    the API token lacks `scope`
│  ├─ NotFoundError          404   also for another tenant's object: the two must not be told apart
│  ├─ RateLimitedError       429   too many wrong keys from one address
│  ├─ StaleVersionError      412   `If-Match` named an older version
│  ├─ RequestRunningError    409   the same request is being carried out
│  ├─ IdempotencyKeyReusedError 422  the key came with another request
│  ├─ PayloadTooLargeError   413
│  └─ UnsupportedMediaTypeError 415  a content coding
├─ UpstreamError                   Richpanel said nothing that can be used; `sent` tells whether it may have acted
│  ├─ UpstreamUnreachableError     refused, DNS, TLS: no byte of the request left
│  ├─ UpstreamTimeoutError         the total deadline passed
│  ├─ UpstreamTooLargeError        more bytes than the cap
│  └─ UpstreamBrokenError          the connection broke, or what came was not HTTP
└─ FaultError                      ours or the environment's; always alerts
   ├─ StoreUnavailableError  503   Postgres (or both stores) out of reach
   └─ ConfigurationError           stops the process at start with one line
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where, what, and what would have been allowed."""

    path: str
    """Dotted path of the field, e.g. `config.methods.0`; empty for the whole body."""
    message: str
    code: str = "invalid"
    allowed: Sequence[str] = ()

    def to_dict(self) -> dict[str, object]:
        """The wire form; `allowed` only where there is a closed set."""
        out: dict[str, object] = {"path": self.path, "message": self.message, "code": self.code}
        if self.allowed:
            out["allowed"] = list(self.allowed)
        return out


class GatewayError(Exception):
    """Base of all errors raised on purpose. `message` is safe to show to the caller."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CallerError(GatewayError):
    """The caller can fix it."""

    code = "bad_request"
    http_status = 400


class InvalidInputError(CallerError):
    """The input is readable but not allowed; `problems` names every field."""

    code = "invalid_input"
    http_status = 422

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class NoToolsError(CallerError):
    """No documented tool passes the filters."""

    code = "no_tools"


class MalformedRequestError(CallerError):
    """The request cannot be read at all."""

    code = "malformed_request"


class UnauthenticatedError(CallerError):
    """No credential, or one that is not (or no longer) valid."""

    code = "unauthenticated"
    http_status = 401


class PermissionDeniedError(CallerError):
    """A valid credential that may not do this."""

    code = "permission_denied"
    http_status = 403


class InsufficientScopeError(PermissionDeniedError):
    """An API token without the scope that is needed."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"this API token lacks the scope `{scope}`")
        self.scope = scope


class NotFoundError(CallerError):
    """Not there, or not this tenant's."""

    code = "not_found"
    http_status = 404


class StaleVersionError(CallerError):
    """The object changed since the version named in `If-Match`."""

    code = "stale_version"
    http_status = 412


class RateLimitedError(CallerError):
    """A limit of the gateway's own was reached."""

    code = "rate_limited"
    http_status = 429

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestRunningError(CallerError):
    """A request with this `Idempotency-Key` has not ended, or its answer is lost."""

    code = "request_in_progress"
    http_status = 409


class IdempotencyKeyReusedError(CallerError):
    """This `Idempotency-Key` belongs to another request."""

    code = "idempotency_key_reused"
    http_status = 422


class PayloadTooLargeError(CallerError):
    """The body is over the limit."""

    code = "payload_too_large"
    http_status = 413


class UnsupportedMediaTypeError(CallerError):
    """The body is in a coding that is not read."""

    code = "unsupported_media_type"
    http_status = 415


class UpstreamError(GatewayError):
    """Richpanel gave no usable answer."""

    code = "upstream_error"
    http_status = 502

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        """True when bytes of the request may have reached Richpanel, so a write may have happened."""


class UpstreamUnreachableError(UpstreamError):
    """Refused, no such host, no TLS: nothing was sent."""

    code = "upstream_unreachable"


class UpstreamTimeoutError(UpstreamError):
    """The total deadline passed before the answer was complete."""

    code = "upstream_timeout"
    http_status = 504


class UpstreamTooLargeError(UpstreamError):
    """The answer is larger than the cap."""

    code = "upstream_too_large"


class UpstreamBrokenError(UpstreamError):
    """The connection broke before the answer was complete, or the answer was not HTTP."""

    code = "upstream_bad_response"


class FaultError(GatewayError):
    """Ours, or the environment's."""


class StoreUnavailableError(FaultError):
    """The stores cannot answer at the moment."""

    code = "store_unavailable"
    http_status = 503


class ConfigurationError(FaultError):
    """A setting, role or schema that must not be served with; the message is one line."""

    code = "configuration"
