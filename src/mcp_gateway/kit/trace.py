"""W3C Trace Context: reading a caller's position in a trace, and naming the next one.

Source: https://www.w3.org/TR/trace-context/ (traceparent §3.2, tracestate §3.3).
"""

import re
import secrets
from dataclasses import dataclass
from typing import Self

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
_FORBIDDEN_VERSION = "ff"
_FIRST_VERSION = "00"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of somebody's trace."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    flags: str = "00"
    state: str | None = None
    """`tracestate`, handed on as it came."""

    @classmethod
    def parse(cls, traceparent: object, tracestate: object = None) -> Self | None:
        """The context, or None where there is none that may be used; a broken one is dropped, never an error (§4.3)."""
        found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        is_unusable = version == _FORBIDDEN_VERSION or (version == _FIRST_VERSION and more is not None)
        if is_unusable or not trace_id.strip("0") or not span_id.strip("0"):
            return None
        state = tracestate if isinstance(tracestate, str) and _TRACESTATE.fullmatch(tracestate) else None
        return cls(trace_id, span_id, flags, state)

    def child(self) -> Self:
        """A fresh span of the same trace."""
        return type(self)(self.trace_id, secrets.token_hex(8), self.flags, self.state)

    @property
    def traceparent(self) -> str:
        """The header's value, in version 00."""
        return f"{_FIRST_VERSION}-{self.trace_id}-{self.span_id}-{self.flags}"
