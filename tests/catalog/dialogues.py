"""Drives a tool's procedure without a network: every request is answered from a table of targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mcp_gateway.catalog.tool import Tool
from mcp_gateway.exceptions import UpstreamError
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.models.upstream import Exchange, UpstreamRequest, UpstreamResponse

Answers = Mapping[str, Exchange]
"""Target → what comes of a request to it."""


@dataclass(frozen=True)
class Dialogue:
    """What was asked, round by round, and what it came to."""

    rounds: list[list[UpstreamRequest]]
    outcome: ToolOutcome

    @property
    def targets(self) -> list[list[str]]:
        return [[request.target for request in requests] for requests in self.rounds]

    @property
    def writes(self) -> list[UpstreamRequest]:
        return [request for requests in self.rounds for request in requests if request.is_write]

    @property
    def result(self) -> Any:
        assert self.outcome.error is None, self.outcome.error
        return self.outcome.structured["result"]


def ok(body: Any, limits: RateLimits | None = None) -> Exchange:
    """A 200 with this JSON."""
    return Exchange(UpstreamResponse(200, {}, orjson.dumps(body)), limits)


def status(code: int, body: Any = None, limits: RateLimits | None = None) -> Exchange:
    """An answer of another status."""
    return Exchange(UpstreamResponse(code, {}, orjson.dumps(body or {"message": "no"})), limits)


def raw(body: bytes) -> Exchange:
    """A 200 with these bytes."""
    return Exchange(UpstreamResponse(200, {}, body))


def broken(exc: UpstreamError) -> Exchange:
    """No answer."""
    return Exchange(failure=exc)


def play(tool: Tool, arguments: Mapping[str, Any], answers: Answers) -> Dialogue:
    """The whole dialogue; a request to any other target than those of the table is a KeyError."""
    assert tool.validate(arguments) == ()
    steps = tool.steps(arguments)
    rounds: list[list[UpstreamRequest]] = []
    try:
        requests = next(steps)
        while True:
            rounds.append(list(requests))
            requests = steps.send(tuple(answers[request.target] for request in requests))
    except StopIteration as end:
        return Dialogue(rounds, end.value)
