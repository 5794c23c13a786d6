"""How a tool is carried out, as a dialogue without I/O: requests are yielded, what came of them is sent back in.

A procedure yields requests that may travel at the same time, gets as many exchanges in the same order, and returns the
outcome. Whoever drives it does the sending and sees to it that at most one write leaves.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mcp_gateway.catalog.description import NumberDescription, VerifyDescription
from mcp_gateway.catalog.run import Run
from mcp_gateway.catalog.verification import MISSING, applied, at, begun
from mcp_gateway.exceptions import InvalidInputError
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.upstream import Exchange, UpstreamRequest

Steps = Generator[tuple[UpstreamRequest, ...], tuple[Exchange, ...], ToolOutcome]

VERIFY = "verify"
APPLIED = "applied"

_MAX_NUMBER_DIGITS = 12


class Procedure(Protocol):
    """One way of carrying a tool out."""

    @property
    def most_requests(self) -> int:
        """How many requests a call makes at most."""

    def steps(self, arguments: Mapping[str, Any], run: Run) -> Steps:
        """The dialogue for arguments that passed the checks."""


class Readable(Protocol):
    """A tool of one request, as others use it."""

    @property
    def number(self) -> NumberDescription | None:
        """How an argument of digits only is understood."""

    def build_request(self, arguments: Mapping[str, Any], run: Run) -> UpstreamRequest:
        """Its request."""

    def read(self, exchange: Exchange, arguments: Mapping[str, Any], run: Run) -> ToolOutcome:
        """What came of it."""


@dataclass(frozen=True, slots=True)
class SingleRequest:
    """One request, and beside it what the document asks for: a look-up by number before, a check afterwards."""

    name: str
    siblings: Mapping[str, Readable]
    """All tools of the integration, this one included; complete only once it is loaded."""
    number: NumberDescription | None = None
    verify: VerifyDescription | None = None

    @property
    def most_requests(self) -> int:
        """See `Procedure.most_requests`."""
        is_looked_up = self.number is not None and not self.number.is_answer
        return 1 + is_looked_up + (self.verify is not None)

    def steps(self, arguments: Mapping[str, Any], run: Run) -> Steps:
        """See `Procedure.steps`."""
        number = number_of(arguments, self.number)
        if self.number is not None and number is not None:
            return self._by_number(self.number, number, arguments, run)
        return self._by_id(arguments, run)

    def _by_id(self, arguments: Mapping[str, Any], run: Run) -> Steps:
        tool = self.siblings[self.name]
        (exchange,) = yield (tool.build_request(arguments, run),)
        outcome = tool.read(exchange, arguments, run)
        if self.verify is None or outcome.error is not None or not arguments.get(VERIFY):
            return outcome
        since = begun(exchange, run.now)
        return (yield from self._verified(self.verify, outcome, arguments, since, run))

    def _by_number(self, described: NumberDescription, number: str, arguments: Mapping[str, Any], run: Run) -> Steps:
        lookup = self.siblings[described.lookup]
        asked = {described.lookup_argument: number}
        (exchange,) = yield (lookup.build_request(asked, run),)
        if described.is_answer:
            outcome = self.siblings[self.name].read(exchange, arguments, run)
            return outcome._replace(meta=resolved(described, number))
        found = lookup.read(exchange, asked, run.unshown())
        record = found.structured.get("result")
        identifier = record.get(described.take) if isinstance(record, Mapping) else None
        if found.error is not None:
            return found
        if not isinstance(identifier, str):
            return _without_id(described, found)
        other = _other_number(record, described, number)
        if other is not None:
            return _another_record(described, found, number, other)
        try:
            outcome = yield from self._by_id({**arguments, described.argument: identifier}, run)
        except InvalidInputError:  # of upstream's id, which the caller cannot mend
            return _without_id(described, found)
        return outcome._replace(meta={**outcome.meta, **resolved(described, number, identifier)})

    def _verified(
        self,
        described: VerifyDescription,
        outcome: ToolOutcome,
        arguments: Mapping[str, Any],
        since: datetime,
        run: Run,
    ) -> Steps:
        lookup = self.siblings[described.lookup]
        asked = {"id": arguments["id"]}
        (exchange,) = yield (lookup.build_request(asked, run),)
        check = lookup.read(exchange, asked, run.unshown())
        record = check.structured.get("result") if check.error is None else None
        structured = {**outcome.structured, APPLIED: applied(record, described, arguments, since)}
        return outcome._replace(structured=structured, limits=check.limits or outcome.limits)


def number_of(arguments: Mapping[str, Any], described: NumberDescription | None) -> str | None:
    """The number people use where an id was expected: an argument of digits only."""
    value = None if described is None else arguments.get(described.argument)
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_NUMBER_DIGITS
    return value if is_number else None


def value_at(value: Any, path: str) -> Any:
    """What stands at a dotted path of member names and indices; None where there is nothing."""
    found = at(value, path)
    return None if found is MISSING else found


def resolved(described: NumberDescription, number: str, identifier: str | None = None) -> dict[str, Any]:
    """What `_meta` says of an argument that was looked up by number."""
    told = {"number": number} if identifier is None else {"number": number, "id": identifier}
    return {"resolved": {described.argument: told}}


def _other_number(record: Any, described: NumberDescription, number: str) -> str | None:
    """The number of the record where it is not the one that was asked for; not every answer has to tell it."""
    told = None if described.same is None else record.get(described.same)
    text = "" if told is None else str(told).strip()
    is_same = text.isascii() and text.isdigit() and text.lstrip("0") == number.lstrip("0")
    if not text or is_same:
        return None
    return text if text.isascii() and text.isdigit() and len(text) <= _MAX_NUMBER_DIGITS else "of another form"


def _another_record(described: NumberDescription, found: ToolOutcome, number: str, other: str) -> ToolOutcome:
    what = f"The look-up by number {number} gave the record with {described.same} {other}"
    message = f"{what}, so nothing more was sent and nothing was changed. Give `{described.argument}` as the id."
    return ToolOutcome.from_error(ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", message), found.limits)


def _without_id(described: NumberDescription, found: ToolOutcome) -> ToolOutcome:
    what = "The look-up by number gave no id that can be used, so nothing more was sent."
    message = f"{what} Give `{described.argument}` as the id."
    return ToolOutcome.from_error(ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", message), found.limits)
