"""Arguments → HTTP request, as the document binds them. Pure; expects arguments that passed the checker."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from mcp_gateway.catalog.body import decoded, multipart, put, without_empty
from mcp_gateway.catalog.cursor import Position
from mcp_gateway.catalog.description import ArgumentDescription, PlaceByArgument, RequestDescription
from mcp_gateway.catalog.identifiers import encode_segment, segment_problem
from mcp_gateway.exceptions import InvalidInputError, Problem
from mcp_gateway.models.upstream import UpstreamRequest

_UNNAMED = "file"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RequestBinding:
    """The HTTP binding of one tool."""

    request: RequestDescription
    arguments: Mapping[str, ArgumentDescription]
    is_write: bool
    accept: str
    """Media types the answer may have."""
    _by_place: Mapping[str, Sequence[str]] = field(init=False, repr=False)
    """Place → names of the arguments that go there."""
    _has_json: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay out what is the same for each call."""
        by_place: dict[str, list[str]] = {}
        for name, argument in self.arguments.items():
            by_place.setdefault(argument.place, []).append(name)
        object.__setattr__(self, "_by_place", by_place)
        has_json = bool(self.request.wrapper or self.request.fixed_body or "body" in by_place)
        object.__setattr__(self, "_has_json", has_json)

    def build(self, arguments: Mapping[str, Any], position: Position | None, now: datetime = _EPOCH) -> UpstreamRequest:
        """The request; InvalidInputError for a path value that must never go out, whoever forgot to check."""
        pairs = self._query(arguments, position)
        target = self._path(arguments)
        if pairs:
            target += "?" + "&".join([f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs])
        content_type, body = self._content(arguments, now)
        return UpstreamRequest(
            self.request.verb, target, body, is_write=self.is_write, accept=self.accept, content_type=content_type
        )

    def wire_names(self) -> dict[str, str]:
        """Wire name of each body or query argument (`ticket.comment.body`, `orders[0].event`) → our argument name."""
        prefix = f"{self.request.wrapper}." if self.request.wrapper else ""
        return {
            ((prefix if argument.place == "body" else "") + wire).replace("[]", "[0]"): name
            for name, argument in self.arguments.items()
            for wire in _all_places(name, argument)
        }

    def _path(self, arguments: Mapping[str, Any]) -> str:
        path = self.request.path
        for name in self._by_place.get("path", ()):
            value = str(arguments[name])
            wrong = segment_problem(value, self.arguments[name].reserved)
            if wrong is not None:
                raise InvalidInputError(f"`{name}` {wrong}.", [Problem(name, f"`{name}` {wrong}.", "segment")])
            # Encoded values hold no brace, so one value can never pose as the placeholder of the next.
            path = path.replace("{" + name + "}", encode_segment(value))
        return path

    def _query(self, arguments: Mapping[str, Any], position: Position | None) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        if self.request.paging is not None and position is not None:
            pairs.append((self.request.paging.page, str(position.page)))
            pairs.append((self.request.paging.size, str(position.limit)))
        if "query" in self._by_place:
            for name, value in self._given(arguments, "query"):
                pairs += [(wire, _text(value)) for wire in self._places(name, arguments)]
        if self.request.fixed_query:
            pairs += self.request.fixed_query.items()
        return pairs

    def _content(self, arguments: Mapping[str, Any], now: datetime) -> tuple[str, bytes | None]:
        if not self._has_json and "file" not in self._by_place:
            return "application/json", None
        files = dict(self._files(arguments))
        if files:
            fields = {name: _text(value) for name, value in self._given(arguments, "body")}
            return multipart(files, fields)
        return "application/json", self._json(arguments, now)

    def _files(self, arguments: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, bytes]]]:
        for name, value in self._given(arguments, "file"):
            argument = self.arguments[name]
            [part] = self._places(name, arguments)
            filename = arguments.get(argument.named_by or "") or _UNNAMED
            yield part, (filename, decoded(value) or b"")

    def _json(self, arguments: Mapping[str, Any], now: datetime) -> bytes | None:
        request = self.request
        if not self._has_json:
            return None
        body: dict[str, Any] = {}
        for path, value in request.fixed_body.items():
            put(body, path, value)
        for path, form in request.stamps.items():
            put(body, path, _stamp(now, form))
        for name, argument in self.arguments.items():
            if argument.also is not None:
                put(body, argument.also, arguments[name])
        for name, value in self._given(arguments, "body"):
            for wire in self._places(name, arguments):
                put(body, wire, value)
        if request.omits_empty:
            body = without_empty(body)
        if not request.wrapper:
            return orjson.dumps(body)
        wrapped: dict[str, Any] = {}
        put(wrapped, request.wrapper, body)
        return orjson.dumps(wrapped)

    def _places(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """The wire names a value goes to in this call."""
        argument = self.arguments[name]
        if not isinstance(argument.to, PlaceByArgument):
            return _all_places(name, argument)
        deciding = argument.to.argument
        value = arguments.get(deciding, self.arguments[deciding].default)
        return (argument.to.places.get(str(value), argument.to.otherwise),)

    def _given(self, arguments: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
        """Arguments that travel there: those given, and defaults whose companions are given."""
        for name in self._by_place.get(place, ()):
            argument = self.arguments[name]
            if name in arguments:
                yield name, arguments[name]
            elif argument.default is not None and all(other in arguments for other in argument.requires):
                yield name, argument.default


def _all_places(name: str, argument: ArgumentDescription) -> tuple[str, ...]:
    """The wire names a value may go to in any call."""
    match argument.to:
        case None:
            return (name,)
        case str():
            return (argument.to,)
        case PlaceByArgument():
            return (*argument.to.places.values(), argument.to.otherwise)
    return argument.to


def _stamp(now: datetime, form: str) -> int | str:
    return int(now.timestamp() * 1000) if form == "epoch_ms" else now.isoformat(timespec="seconds")


def _text(value: Any) -> str:
    """A scalar as query text: JSON's spelling of booleans, and `5`, not `5.0`, for a whole number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
