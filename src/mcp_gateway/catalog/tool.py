"""The compiled catalog: tools and integrations as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from mcp_gateway.catalog.arguments import ArgumentChecker
from mcp_gateway.catalog.cursor import CursorError
from mcp_gateway.catalog.description import ExampleDescription, Method, NumberDescription, Policy
from mcp_gateway.catalog.errors import from_exception, unconfirmed
from mcp_gateway.catalog.paging import NEXT_CURSOR, Paging
from mcp_gateway.catalog.procedure import Procedure, Steps
from mcp_gateway.catalog.repair import DROPPED, Repair, repaired
from mcp_gateway.catalog.repetition import Repetition
from mcp_gateway.catalog.request import RequestBinding
from mcp_gateway.catalog.result import Shaper
from mcp_gateway.catalog.run import PLAIN_RUN, Run
from mcp_gateway.exceptions import InvalidInputError, Problem, UpstreamBrokenError, UpstreamError
from mcp_gateway.models.limits import LimitRules, RateLimits
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.models.upstream import Exchange, UpstreamRequest, UpstreamResponse


class Prepared(NamedTuple):
    """Arguments on their way into a call."""

    arguments: Mapping[str, Any]
    repairs: tuple[Repair, ...] = ()
    """What was read as something else than it was."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with them; empty when the tool can be carried out."""
    notice: str = ""
    """What the caller of a success must be told: that a null, which may have been meant to clear, cleared nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One documented method of one integration. All its functions are pure."""

    name: str
    integration: str
    resource: str
    method: Method
    title: str
    description: str
    tags: tuple[str, ...]
    input_schema: Mapping[str, Any]
    """JSON Schema 2020-12 of the arguments: one flat object."""
    query_schema: Mapping[str, Any]
    """The part of the arguments that travels in path and query, `limit` and `next_cursor` included."""
    body_schema: Mapping[str, Any] | None
    """The part that travels in the body; None where there is none."""
    output_schema: Mapping[str, Any]
    annotations: Mapping[str, Any]
    documentation: str
    """Link to the vendor's page."""
    confidence: str
    examples: tuple[ExampleDescription, ...]
    definition: Mapping[str, Any]
    """The item of MCP's `tools/list`."""
    number: NumberDescription | None
    """How an argument of digits only is understood; None where it is an id like any other."""
    is_write: bool
    """True when sending the request twice could matter."""
    uses: frozenset[str]
    """Names of the tools this one is carried out with."""
    checker: ArgumentChecker = field(repr=False)
    binding: RequestBinding | None = field(repr=False)
    """None for a composite tool."""
    repetition: Repetition | None = field(repr=False)
    """What makes two calls the same write; None for a read."""
    shaper: Shaper = field(repr=False)
    paging: Paging | None = field(repr=False)
    procedure: Procedure = field(repr=False)
    limit_rules: LimitRules = field(repr=False)
    """What reading an answer's rate-limit headers takes beside them."""

    @property
    def kind(self) -> Literal["read", "write"]:
        """The group of methods a filter may name."""
        return "read" if self.method in {"list", "get"} else "write"

    @property
    def method_note(self) -> str:
        """The method, with a word where its name promises a write and the tool only reads."""
        return f"{self.method}, only reads" if self.kind == "write" and not self.is_write else self.method

    @property
    def most_requests(self) -> int:
        """How many requests to upstream a call makes at most."""
        return self.procedure.most_requests

    def validate(self, arguments: object, run: Run = PLAIN_RUN) -> tuple[Problem, ...]:
        """Everything wrong with the arguments; empty when the tool can be carried out with them."""
        problems = self.checker.problems(arguments)
        if problems or self.paging is None or not isinstance(arguments, Mapping):
            return problems
        return self.paging.problems(arguments, run.cursors)

    def prepare(self, arguments: Mapping[str, Any], run: Run = PLAIN_RUN) -> Prepared:
        """The arguments as they were meant, where the schema leaves no doubt, and what is wrong with them still."""
        problems = self.validate(arguments, run)
        if not problems:
            return Prepared(arguments)
        mended, repairs = repaired(arguments, self.input_schema)
        if not repairs:
            return Prepared(mended, problems=problems)
        left = [repair.path for repair in repairs if repair.used is DROPPED]
        problems = self.checker.with_nulls(self.validate(mended, run), left)
        return Prepared(mended, repairs, problems, self.checker.left_alone(left))

    def steps(self, arguments: Mapping[str, Any], run: Run = PLAIN_RUN) -> Steps:
        """The dialogue that carries the tool out, for arguments that passed `validate`."""
        return self.procedure.steps(arguments, run)

    def build_request(self, arguments: Mapping[str, Any], run: Run = PLAIN_RUN) -> UpstreamRequest:
        """The HTTP request of a tool that makes one, for arguments that passed `validate`.

        Raises:
            InvalidInputError: a cursor or a path value that must not be used, for callers that did not validate.
        """
        if self.binding is None:
            raise InvalidInputError(f"{self.name} is made of other tools.")
        position = None
        try:
            if self.paging is not None and (self.paging.page_name is not None or NEXT_CURSOR in arguments):
                position = self.paging.position(arguments, run.cursors)
        except CursorError as exc:
            message = f"`{NEXT_CURSOR}` {exc}."
            raise InvalidInputError(message, [Problem(NEXT_CURSOR, message, "cursor")]) from exc
        request = self.binding.build(arguments, position, run.now)
        return request if self.repetition is None else replace(request, intent=self.repetition.intent(arguments))

    def read(self, exchange: Exchange, arguments: Mapping[str, Any], run: Run = PLAIN_RUN) -> ToolOutcome:
        """The outcome of what came of the request that `build_request` made of the same arguments."""
        if exchange.response is None:
            failure = exchange.failure or UpstreamBrokenError("there is no answer", sent=True)
            return self.failed(failure, arguments, run)
        return self.shape(exchange.response, arguments, exchange.limits, run)

    def shape(
        self,
        response: UpstreamResponse,
        arguments: Mapping[str, Any],
        limits: RateLimits | None = None,
        run: Run = PLAIN_RUN,
    ) -> ToolOutcome:
        """The outcome of a complete answer."""
        return self.shaper.shape(response, arguments, limits, run)

    def failed(
        self,
        exc: UpstreamError,
        arguments: Mapping[str, Any] | None = None,
        run: Run = PLAIN_RUN,
        *,
        has_written: bool = True,
    ) -> ToolOutcome:
        """The outcome of an exchange without a complete answer; a write tool may have failed before its write."""
        errors = self.shaper.errors if has_written else replace(self.shaper.errors, is_write=False)
        return from_exception(exc, errors, limit=self._limit(arguments or {}, run))

    def unconfirmed(self, said: str) -> ToolOutcome:
        """The outcome of a write that may have been made, by a call that nobody can ask any more."""
        return ToolOutcome.from_error(unconfirmed(self.shaper.errors, said))

    def _limit(self, arguments: Mapping[str, Any], run: Run) -> int | None:
        """The page size of the call; None for a tool without pages."""
        if self.paging is None or self.paging.page_name is None:
            return None
        return self.paging.position(arguments, run.cursors).limit


@dataclass(frozen=True, slots=True, eq=False)
class Integration:
    """One upstream product and its documented tools, in the order of its documents."""

    name: str
    title: str
    description: str
    documentation: str
    tools: tuple[Tool, ...]
    tags: Mapping[str, str]
    """Every tag a filter may name → what it groups."""
    base_url: str
    key_header: str
    """Header that carries the API key."""
    policy: Policy
    """How the compatibility gate judges the tools."""
    by_name: Mapping[str, Tool] = field(repr=False)

    def tool(self, name: str) -> Tool | None:
        """The tool of that name."""
        return self.by_name.get(name)


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """All integrations by name."""

    integrations: Mapping[str, Integration]
