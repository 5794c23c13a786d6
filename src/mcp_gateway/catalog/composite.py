"""Tools made of several reads: parts that need nothing of one another travel at the same time, each fails by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from mcp_gateway.catalog.description import ARGUMENT, LITERAL, UNLESS, PartDescription, of_parts
from mcp_gateway.catalog.presentation import Presentation
from mcp_gateway.catalog.procedure import Readable, Steps, number_of, resolved, value_at
from mcp_gateway.catalog.run import Run
from mcp_gateway.exceptions import InvalidInputError
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.upstream import Exchange, UpstreamRequest


@dataclass(slots=True)
class _State:
    """What is known so far."""

    arguments: Mapping[str, Any]
    results: dict[str, Any] = field(default_factory=dict)
    """Of parts that were read."""
    errors: dict[str, ToolError] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Parts there was nothing to ask for, with the reason."""
    limits: RateLimits | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def value_at(self, place: str) -> Any:
        """What stands at a place of an earlier part."""
        part, _, path = place.partition(".")
        return value_at(self.results.get(part), path)

    def is_settled(self, part: str) -> bool:
        return part in self.results or part in self.errors or part in self.absent


@dataclass(frozen=True, slots=True)
class _Asked:
    """The arguments of one part."""

    values: dict[str, Any]
    given: frozenset[str]
    """Those whose value is the caller's: only people say numbers, upstream's ids of digits are ids."""


@dataclass(frozen=True, slots=True)
class Composite:
    """Carries out a tool that is described by parts."""

    parts: tuple[PartDescription, ...]
    siblings: Mapping[str, Readable]
    """All tools of the integration; complete only once it is loaded."""
    main: str
    """Name of the part that may be long."""
    presentation: Presentation

    @property
    def most_requests(self) -> int:
        """See `Procedure.most_requests`."""
        return len(self.parts)

    def steps(self, arguments: Mapping[str, Any], run: Run) -> Steps:
        """See `Procedure.steps`; as many rounds as the longest chain of parts that need one another."""
        state = _State(arguments)
        while (ready := self._ready(state)) and not self._is_lost(state):
            requests = {
                part.name: request for part, asked in ready if (request := self._request(part, asked, run, state))
            }
            exchanges = (yield tuple(requests.values())) if requests else ()
            sent = [(part, asked) for part, asked in ready if part.name in requests]
            for (part, asked), exchange in zip(sent, exchanges, strict=True):
                self._take(state, part, self._tool(part).read(exchange, asked.values, run.unshown()), exchange)
        return self._outcome(state, run)

    def _request(self, part: PartDescription, asked: _Asked, run: Run, state: _State) -> UpstreamRequest | None:
        """None, and an error of the part alone, for a value that must not be sent."""
        tool = self._tool(part)
        number = number_of({name: asked.values[name] for name in asked.given}, tool.number)
        try:
            if tool.number is not None and number is not None:
                state.meta = resolved(tool.number, number)
                return self.siblings[tool.number.lookup].build_request({tool.number.lookup_argument: number}, run)
            return tool.build_request(asked.values, run)
        except InvalidInputError as exc:
            state.errors[part.name] = _unsendable(part, exc.message)
            return None

    def _ready(self, state: _State) -> Sequence[tuple[PartDescription, _Asked]]:
        """The parts that can be asked for now, each with its arguments; settles those that never can."""
        ready = []
        for part in self.parts:
            if state.is_settled(part.name):
                continue
            asked = self._asked(part, state)
            if asked is not None:
                ready.append((part, asked))
            elif all(map(state.is_settled, _needed(part))):
                _give_up(part, state)
        return ready

    def _asked(self, part: PartDescription, state: _State) -> _Asked | None:
        """The arguments of a part, None while one is missing."""
        found = {name: self._found(part, name, places, state) for name, places in part.arguments.items()}
        if any(value is None for value, _ in found.values()):
            return None
        given = frozenset(name for name, (_, is_given) in found.items() if is_given)
        return _Asked({name: value for name, (value, _) in found.items()}, given)

    def _found(self, part: PartDescription, name: str, places: Sequence[str], state: _State) -> tuple[Any, bool]:
        """The value of the first place that holds something, and whether it is the caller's.

        No later place counts before it is known what the earlier ones hold.
        """
        for place in places:
            if not all(map(state.is_settled, _parts_in([place]))):
                break
            value = self._value(part, name, place, state)
            if value is not None:
                return value, place.startswith(ARGUMENT)
        return None, False

    def _value(self, part: PartDescription, name: str, place: str, state: _State) -> Any:
        if place.startswith(LITERAL):
            return place.removeprefix(LITERAL)
        if not place.startswith(ARGUMENT):
            source, *unless = place.split(UNLESS)
            return None if any(state.value_at(one) is True for one in unless) else _scalar(state.value_at(source))
        value = state.arguments.get(place.removeprefix(ARGUMENT))
        described = self._tool(part).number
        # A number would have to be looked up first; another part does that anyway, and gives the id.
        is_costly = described is not None and not described.is_answer and number_of({name: value}, described)
        return None if is_costly else value

    def _tool(self, part: PartDescription) -> Readable:
        return self.siblings[part.lookup]

    def _take(self, state: _State, part: PartDescription, outcome: ToolOutcome, exchange: Exchange) -> None:
        if outcome.error is None:
            state.results[part.name] = outcome.structured.get("result")
        else:
            state.errors[part.name] = outcome.error
        is_told = state.limits is not None and state.limits.retry_after_seconds is not None
        if exchange.limits is not None and not is_told:
            state.limits = outcome.limits or exchange.limits

    def _is_lost(self, state: _State) -> bool:
        return any(part.absent is None and part.name in state.errors for part in self.parts)

    def _outcome(self, state: _State, run: Run) -> ToolOutcome:
        for part in self.parts:
            if part.absent is None and part.name in state.errors:
                return ToolOutcome.from_error(state.errors[part.name], state.limits)
        shown = [part.name for part in self.parts if not part.is_hidden]
        parts = {name: state.results.get(name) for name in shown}
        errors = {name: error.to_dict() for name, error in state.errors.items() if name in shown}
        absent = {name: why for name, why in state.absent.items() if name in shown}
        told = {name: told for name, told in (("errors", errors), ("absent", absent)) if told}
        structured = self.presentation.parts(parts, told, state.arguments, run, main=self.main)
        return ToolOutcome(structured=structured, limits=state.limits, meta=state.meta)


def _unsendable(part: PartDescription, why: str) -> ToolError:
    """Whose fault a value is depends on where it comes from: the call, or upstream's answer to an earlier part."""
    if not _needed(part):
        return ToolError(ErrorType.INVALID_ARGUMENTS, "gateway", why)
    return ToolError(ErrorType.UPSTREAM_BAD_RESPONSE, "upstream", f"What an earlier answer gave cannot be sent: {why}")


def _scalar(value: Any) -> str | int | None:
    """The value where it can be an argument; upstream may put anything anywhere."""
    is_usable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return value if is_usable else None


def _give_up(part: PartDescription, state: _State) -> None:
    """A part that cannot be asked for shares the error of what it needs, or is absent for its own reason."""
    failed = next((state.errors[name] for name in sorted(_needed(part)) if name in state.errors), None)
    if failed is not None:
        state.errors[part.name] = failed
    else:
        state.absent[part.name] = part.absent or "what it needs is missing"


def _needed(part: PartDescription) -> set[str]:
    """The parts this one takes its arguments from."""
    return _parts_in(chain.from_iterable(part.arguments.values()))


def _parts_in(places: Iterable[str]) -> set[str]:
    return {name for name in of_parts(places) if not name.startswith(ARGUMENT)}
