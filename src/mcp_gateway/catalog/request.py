"""Arguments → HTTP request, as the document binds them. Pure; expects arguments that passed the checker."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.description import ArgumentDescription, RequestDescription
from mcp_gateway.catalog.identifiers import encode_segment, segment_problem
from mcp_gateway.exceptions import InvalidInputError, Problem
from mcp_gateway.models.upstream import UpstreamRequest


@dataclass(frozen=True, slots=True)
class RequestBinding:
    """The HTTP binding of one tool."""

    request: RequestDescription
    arguments: Mapping[str, ArgumentDescription]
    is_write: bool
    accept: str
    """Media types the answer may have."""

    def build(self, arguments: Mapping[str, Any], position: Position | None) -> UpstreamRequest:
        """The request; InvalidInputError for a path value that must never go out, whoever forgot to check."""
        query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in self._query(arguments, position))
        target = self._path(arguments) + (f"?{query}" if query else "")
        return UpstreamRequest(
            self.request.verb, target, self._body(arguments), is_write=self.is_write, accept=self.accept
        )

    def wire_names(self) -> dict[str, str]:
        """Wire name of each body or query argument (`ticket.comment.body`) → our argument name."""
        prefix = f"{self.request.wrapper}." if self.request.wrapper else ""
        return {
            (prefix if argument.place == "body" else "") + _wire(name, argument): name
            for name, argument in self.arguments.items()
        }

    def _path(self, arguments: Mapping[str, Any]) -> str:
        path = self.request.path
        segments = {n: str(arguments[n]) for n, a in self.arguments.items() if a.place == "path"}
        for name, value in segments.items():
            wrong = segment_problem(value, self.arguments[name].reserved)
            if wrong is not None:
                raise InvalidInputError(f"`{name}` {wrong}.", [Problem(name, f"`{name}` {wrong}.", "segment")])
        # Encoded values hold no brace, so one value can never pose as the placeholder of the next.
        for name, value in segments.items():
            path = path.replace("{" + name + "}", encode_segment(value))
        return path

    def _query(self, arguments: Mapping[str, Any], position: Position | None) -> Iterator[tuple[str, str]]:
        if self.request.paging is not None and position is not None:
            yield self.request.paging.page, str(position.page)
            yield self.request.paging.size, str(position.limit)
        for name, value in self._given(arguments, "query"):
            yield _wire(name, self.arguments[name]), _text(value)
        yield from self.request.fixed_query.items()

    def _body(self, arguments: Mapping[str, Any]) -> bytes | None:
        wrapper = self.request.wrapper
        if not wrapper and not self.request.fixed_body and all(a.place != "body" for a in self.arguments.values()):
            return None
        body: dict[str, Any] = dict(self.request.fixed_body)
        for name, value in self._given(arguments, "body"):
            *parents, leaf = _wire(name, self.arguments[name]).split(".")
            place = body
            for parent in parents:
                place = place.setdefault(parent, {})
            place[leaf] = value
        return orjson.dumps({wrapper: body} if wrapper else body)

    def _given(self, arguments: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
        """Arguments that travel there: those given, and defaults whose companions are given."""
        for name, argument in self.arguments.items():
            if argument.place != place:
                continue
            if name in arguments:
                yield name, arguments[name]
            elif argument.default is not None and all(other in arguments for other in argument.requires):
                yield name, argument.default


def _wire(name: str, argument: ArgumentDescription) -> str:
    return argument.to or name


def _text(value: Any) -> str:
    """A scalar as query text: JSON's spelling of booleans, and `5`, not `5.0`, for a whole number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
