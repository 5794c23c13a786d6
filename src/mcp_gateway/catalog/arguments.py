"""Checks of a call's arguments that need nothing but the description: every problem is named, not only the first.

Order: what JSON cannot carry, then the JSON Schema, then path segments and arguments that need another one.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator, ValidationError

from mcp_gateway.catalog.body import decoded
from mcp_gateway.catalog.description import ArgumentDescription
from mcp_gateway.catalog.identifiers import segment_problem
from mcp_gateway.exceptions import Problem

MAX_PROBLEMS = 50
"""Problems named of one kind of check: an answer must not grow with a hostile request."""
_NOTHING = "nothing"
_PLACE_CODES = {"path": "segment", "file": "file"}
_MAX_DEPTH = 64
_MAX_SHOWN = 60
_MAX_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class ArgumentChecker:
    """A tool's compiled schema and the rules beside it."""

    arguments: Mapping[str, ArgumentDescription]
    validator: Draft202012Validator
    changes: tuple[str, ...] = ()
    """Arguments of which an update needs at least one; empty for other tools."""

    def problems(self, arguments: object) -> tuple[Problem, ...]:
        """All that is wrong, sorted by path; empty when the arguments fit."""
        if type(arguments) is dict and self._fit_at_sight(arguments):
            return ()
        if not isinstance(arguments, Mapping):
            return (Problem("", f"The arguments must be an object, got {_shown(arguments)}.", "type"),)
        found = list(islice(_unsendable(arguments), MAX_PROBLEMS))
        bad = {_top(problem) for problem in found}
        sendable = {k: v for k, v in arguments.items() if isinstance(k, str) and _is_unicode(k) and k not in bad}
        unfit = (p for e in self.validator.iter_errors(sendable) for p in self._explain(e))
        found += islice((p for p in unfit if _top(p) not in bad), MAX_PROBLEMS)
        # A value of the wrong type fails its enum too; the enum's sentence says more.
        listed = {problem.path for problem in found if problem.code == "enum"}
        found = [problem for problem in found if problem.code != "type" or problem.path not in listed]
        bad = {_top(problem) for problem in found}
        found += [p for p in self._beyond_schema(sendable) if p.path not in bad]
        if not found and self.changes and not any(arguments.get(name, {}) != {} for name in self.changes):
            said = f"Nothing would change: give at least one of {', '.join(self.changes)}."
            found.append(Problem("", said, _NOTHING, self.changes))
        return tuple(sorted(found, key=lambda problem: problem.path))

    def _fit_at_sight(self, arguments: dict[str, Any]) -> bool:
        """Whether they certainly fit, as nearly all do, so that nothing need be explained; False says nothing."""
        if self.changes:
            return False
        for name, value in arguments.items():
            argument = self.arguments.get(name)
            if argument is None or argument.requires:
                return False
            kind = type(value)
            if kind is str:
                if not value.isascii() or _place_problem(value, argument) is not None:
                    return False
            elif kind is int:
                if not -_MAX_INTEGER <= value < _MAX_INTEGER:
                    return False
            elif kind is not bool:
                return False
        return self.validator.is_valid(arguments)

    def with_nulls(self, problems: Sequence[Problem], names: Sequence[str]) -> tuple[Problem, ...]:
        """The problems, and where nothing would change what to give in place of the nulls that were left out."""
        if all(problem.code != _NOTHING for problem in problems):
            return tuple(problems)
        nulls = (
            Problem(name, f"`{name}` is null, which changes nothing. {about}", "null")
            for name in names
            if name in self.changes and (about := self.arguments[name].description)
        )
        return (*problems, *nulls)

    def left_alone(self, nulls: Sequence[str]) -> str:
        """What to say of an update's nulls, which were left out; empty where there are none."""
        names = [name for name in nulls if name in self.changes]
        return f"Null changes nothing, so these stay as they are: {', '.join(names)}." if names else ""

    def _explain(self, error: ValidationError) -> Iterator[Problem]:
        kind, rules = error.kind.name, error.kind.as_dict()
        path = ".".join(_cut(str(step)) for step in error.instance_path)
        if kind == "additionalProperties":
            yield from (self._unknown(path, name) for name in rules["unexpected"])
        elif kind == "required":
            yield self._missing(path, rules["property"])
        else:
            allowed = tuple(str(option) for option in rules.get("options", ()))
            hint = _did_you_mean(error.instance, allowed) if isinstance(error.instance, str) else ""
            # The description says what else there is to do, where a value that many expect does not exist.
            about = self.arguments[path].description if kind == "enum" and path in self.arguments else None
            said = f"`{path}` {_expected(kind, rules, error)}.{hint}"
            yield Problem(path, f"{said} {about}" if about else said, kind, allowed)

    def _unknown(self, path: str, name: str) -> Problem:
        where = _cut(f"{path}.{name}" if path else name)
        known = tuple(self.arguments)
        hint = _did_you_mean(name, known)
        message = f"`{where}` is not an argument of this tool.{hint} It takes: {', '.join(known)}."
        return Problem(where, message, "unknown", known)

    def _missing(self, path: str, name: str) -> Problem:
        where = f"{path}.{name}" if path else name
        argument = self.arguments.get(name) if not path else None
        about = f": {argument.description}" if argument is not None and argument.description else "."
        return Problem(where, f"`{where}` is required{about}", "required")

    def _beyond_schema(self, arguments: Mapping[str, Any]) -> Iterator[Problem]:
        for name, argument in self.arguments.items():
            if name not in arguments:
                continue
            value = arguments[name]
            wrong = _place_problem(value, argument)
            if wrong is not None:
                yield Problem(name, f"`{name}` {wrong}.", _PLACE_CODES.get(argument.place, "minLength"))
            missing = [other for other in argument.requires if other not in arguments]
            if missing:
                yield Problem(name, f"`{name}` means nothing without `{'`, `'.join(missing)}`.", "requires")


def _place_problem(value: Any, argument: ArgumentDescription) -> str | None:
    """What is wrong with a value for the place it goes to, as the rest of a sentence."""
    if not isinstance(value, str):
        return None
    # What is reserved is reserved in a path; an option with such words goes into those of other tools.
    if argument.place == "path" or argument.reserved:
        return segment_problem(value, argument.reserved)
    if argument.place != "file":
        # A message of blanks is as empty as none, and is sent all the same.
        is_blank = argument.min_length is not None and not value.strip()
        return "must not be empty" if is_blank else None
    contents = decoded(value)
    if contents is None:
        return "must be base64 (RFC 4648 §4)"
    if argument.max_bytes is not None and len(contents) > argument.max_bytes:
        return f"must be at most {argument.max_bytes} bytes once decoded, got {len(contents)}"
    return None


def _top(problem: Problem) -> str:
    return problem.path.partition(".")[0]


def _did_you_mean(given: str, allowed: Sequence[str]) -> str:
    """A blank and a sentence with the nearest allowed word, in any case of letters; empty when none is near."""
    by_word = {word.casefold(): word for word in allowed}
    near = difflib.get_close_matches(_cut(given.strip()).casefold(), by_word, n=1)
    return f" Did you mean `{by_word[near[0]]}`?" if near else ""


def _expected(kind: str, rules: Mapping[str, Any], error: ValidationError) -> str:
    """What the schema wanted and what came, as the rest of a sentence."""
    limit = rules.get("limit")
    sentences = {
        "minimum": f"must be at least {limit}",
        "maximum": f"must be at most {limit}",
        "minLength": "must not be empty" if limit == 1 else f"must be at least {limit} characters long",
        "maxLength": f"must be at most {limit} characters long",
        "minItems": f"must have at least {limit} item{'' if limit == 1 else 's'}",
        "maxItems": f"must have at most {limit} items",
    }
    if kind == "type":
        return f"must be {_named(rules['types'])}, got {_shown(error.instance)}"
    if kind == "enum":
        return f"must be one of {', '.join(map(str, rules['options']))}; got {_shown(error.instance)}"
    if kind in {"minimum", "maximum"}:
        return f"{sentences[kind]}, got {_shown(error.instance)}"
    return sentences.get(kind, f"does not fit the schema: {_cut(error.message)}")


def _named(types: Sequence[str]) -> str:
    return " or ".join(f"an {name}" if name[0] in "aio" else f"a {name}" for name in types)


def _shown(value: Any) -> str:
    """A value in a message: short, and said by type where it is big."""
    match value:
        case None:
            return "null; leave the argument out if there is no value"
        case bool():
            return f"the boolean {str(value).lower()}"
        case str():
            return f'the string "{_cut(value)}"'
        case int() | float():
            return f"the number {_cut(str(value))}"
        case Mapping():
            return "an object"
    return "an array" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _unsendable(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What the JSON of a request cannot carry; found at no cost where the serialiser takes it all."""
    try:
        # The lists stand for the levels a wrapper and a dotted path may add on the wire.
        orjson.dumps([[[[[[[[dict(arguments)]]]]]]]])
    except TypeError:
        yield from _walk("", arguments, 0)


def _walk(path: str, value: Any, depth: int) -> Iterator[Problem]:
    if depth > _MAX_DEPTH:
        yield Problem(path, f"`{_cut(path)}` is nested more than {_MAX_DEPTH} levels deep.", "depth")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                yield from _walk(f"{path}.{key}" if path else key, item, depth + 1)
            else:
                yield Problem(
                    path, "The name of an argument must be valid Unicode, without lone surrogates.", "unicode"
                )
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(f"{path}.{index}", item, depth + 1)
    elif (wrong := _leaf_problem(value)) is not None:
        yield Problem(path, f"`{_cut(path)}` {wrong}.", "value")


def _leaf_problem(value: Any) -> str | None:
    match value:
        case None | bool() | float():
            return None
        case str():
            return None if _is_unicode(value) else "must be valid Unicode, without lone surrogates"
        case int():
            return None if -_MAX_INTEGER <= value < _MAX_INTEGER else "is too large for a number"
    return f"is not a JSON value, got {_shown(value)}"


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
