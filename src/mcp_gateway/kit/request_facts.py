"""What any code may know of the HTTP request it works for: for logs and for the audit, never for a decision."""

from contextvars import ContextVar, Token
from typing import NamedTuple


class RequestFacts(NamedTuple):
    """Set once by the outermost layer."""

    request_id: str | None = None
    """As the answer's `x-request-id` tells it; None outside of any request."""
    user_agent: str | None = None
    """As it was sent, so of any length and content."""


_current: ContextVar[RequestFacts] = ContextVar("request_facts")
_NONE = RequestFacts()


def set_request_facts(facts: RequestFacts) -> None:
    """For this task, and those it starts from now on."""
    _current.set(facts)


def begin_request(facts: RequestFacts) -> "Token[RequestFacts]":
    """For what is done before `end_request`, where a request has no task of its own."""
    return _current.set(facts)


def end_request(before: "Token[RequestFacts]") -> None:
    """See `begin_request`, which gave the argument."""
    _current.reset(before)


def request_facts() -> RequestFacts:
    """Of the request being worked on."""
    return _current.get(_NONE)
