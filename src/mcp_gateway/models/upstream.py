"""One HTTP exchange with Richpanel as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from mcp_gateway.exceptions import UpstreamError
from mcp_gateway.kit.trace import TraceContext
from mcp_gateway.models.limits import RateLimits


@dataclass(frozen=True, slots=True)
class WriteIntent:
    """What a write does, beside how it travels: what tells it from another one, and which object it changes."""

    fingerprint: bytes | None
    """SHA-256 of the tool and its canonical arguments; None where doing it twice changes nothing more."""
    subject: str | None = None
    """Kind and id of the object it changes; None where it makes a new one."""
    allow_duplicate: bool = False
    """The caller says that the same again is meant."""


@dataclass(slots=True)
class UpstreamRequest:
    """What the catalog builds from a tool's arguments; the client adds origin and credentials.

    Not to be written to; freezing it would cost each call a microsecond.
    """

    method: str
    """GET, PUT, POST."""
    target: str
    """Path and query below the base URL, percent-encoded, starting with `/`; goes on the wire byte for byte."""
    body: bytes | None = None
    """As it goes, or None for no body."""
    is_write: bool = False
    """True when sending it twice could matter."""
    content_type: str = "application/json"
    """Of the body."""
    accept: str = "application/json"
    """The media types that can be used."""
    trace: TraceContext | None = None
    """The span this request is, in its caller's trace."""
    intent: WriteIntent | None = field(default=None, compare=False)
    """Of a write that must not be made twice, or that changes an object others are remembered for."""


class UpstreamResponse(NamedTuple):
    """A complete answer, whatever its status."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    """Lower-case names, only those on the client's allow-list; repeated headers joined by `, `."""
    body: bytes = b""
    seconds: float = 0.0
    """From the start of the call to the last byte."""


class Exchange(NamedTuple):
    """What came of one request: a complete answer, or the reason why there is none."""

    response: UpstreamResponse | None = None
    limits: RateLimits | None = None
    """The reading of the answer's rate-limit headers."""
    failure: UpstreamError | None = None
