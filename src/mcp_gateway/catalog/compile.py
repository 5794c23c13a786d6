"""Description → Tool: schemas, annotations and the compiled parts; refuses documents that contradict themselves."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from jsonschema_rs import Draft202012Validator

from mcp_gateway.catalog.arguments import ArgumentChecker
from mcp_gateway.catalog.composite import Composite
from mcp_gateway.catalog.description import (
    AnnotationsDescription,
    ArgumentDescription,
    IntegrationDescription,
    MethodDescription,
    PlaceByArgument,
    RateLimitDescription,
    RequestDescription,
    SchemaDescription,
    of_parts,
)
from mcp_gateway.catalog.errors import ErrorContext
from mcp_gateway.catalog.media import ANY_MEDIA_TYPE, JSON
from mcp_gateway.catalog.options import with_options
from mcp_gateway.catalog.paging import LIMIT, NEXT_CURSOR, Paging
from mcp_gateway.catalog.preparation import Preparation
from mcp_gateway.catalog.presentation import Presentation
from mcp_gateway.catalog.procedure import Procedure, SingleRequest
from mcp_gateway.catalog.repetition import Repetition
from mcp_gateway.catalog.request import RequestBinding
from mcp_gateway.catalog.result import Shaper
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.models.limits import LimitRules

JSONSchema = dict[str, Any]
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
_BODY = frozenset({"body", "file"})
MAX_PARTS = 4
"""Requests one call of a composite tool makes at most."""
_OWN_FIELDS = set(ArgumentDescription.model_fields) - set(SchemaDescription.model_fields)


def compile_tool(
    integration: IntegrationDescription, resource: str, method: MethodDescription, siblings: Mapping[str, Tool]
) -> Tool:
    """The tool of one documented method; ValueError (one line) when the document contradicts itself.

    `siblings` is what other tools are found in when this one is called; it may still be empty.
    """
    _check(integration, method)
    arguments = with_options(method)
    input_schema = _object_schema(arguments, lambda _: True)
    body_schema = _object_schema(arguments, lambda a: a.place in _BODY)
    output_schema = _output_schema(method)
    annotations = _annotations(method.title, method.annotations)
    binding = _binding(method, arguments)
    paging = _paging(method)
    errors = _error_context(integration, method, binding)
    return Tool(
        name=method.tool,
        integration=integration.name,
        resource=resource,
        method=method.method,
        title=method.title,
        description=method.description,
        tags=method.tags,
        input_schema=input_schema,
        query_schema=_object_schema(arguments, lambda a: a.place not in _BODY),
        body_schema=body_schema if body_schema["properties"] else None,
        output_schema=output_schema,
        annotations=annotations,
        documentation=method.documentation,
        confidence=method.confidence,
        examples=method.examples,
        definition={
            "name": method.tool,
            "title": method.title,
            "description": method.description,
            "inputSchema": input_schema,
            "outputSchema": output_schema,
            "annotations": annotations,
        },
        number=method.number,
        is_write=_is_write(method),
        uses=_uses(method),
        checker=ArgumentChecker(arguments, Draft202012Validator(input_schema), _changes(method)),
        binding=binding,
        repetition=_repetition(method, arguments),
        shaper=Shaper(
            method.response, errors, Presentation(paging, Preparation.of(method.response, method.response.inner))
        ),
        paging=paging,
        procedure=_procedure(method, siblings, paging),
        limit_rules=_limit_rules(integration.rate_limit),
    )


def _limit_rules(documented: RateLimitDescription) -> LimitRules:
    return LimitRules(documented.window_seconds, documented.reset_unit, documented.leak_per_second)


def _changes(method: MethodDescription) -> tuple[str, ...]:
    """The arguments of which an update needs one, unless it always sends something."""
    sent = {name: argument for name, argument in method.arguments.items() if argument.place in _BODY}
    is_never_empty = method.request is not None and (method.request.fixed_body or method.request.stamps)
    if method.method != "update" or is_never_empty or any(argument.required for argument in sent.values()):
        return ()
    return tuple(name for name, argument in sent.items() if not argument.requires)


def _uses(method: MethodDescription) -> frozenset[str]:
    lookups = {part.lookup for part in method.parts}
    lookups |= {described.lookup for described in (method.number, method.verify) if described is not None}
    return frozenset(lookups)


def _is_write(method: MethodDescription) -> bool:
    is_safe = method.request is None or method.request.safe
    return method.method not in {"list", "get"} and not is_safe


def _binding(method: MethodDescription, arguments: Mapping[str, ArgumentDescription]) -> RequestBinding | None:
    if method.request is None:
        return None
    accept = ANY_MEDIA_TYPE if method.response.shape == "content" else JSON
    return RequestBinding(method.request, arguments, is_write=_is_write(method), accept=accept)


def _repetition(method: MethodDescription, arguments: Mapping[str, ArgumentDescription]) -> Repetition | None:
    if not _is_write(method):
        return None
    defaults = {name: argument.default for name, argument in arguments.items() if argument.default is not None}
    is_idempotent = method.annotations.idempotent
    return Repetition(method.tool, defaults, is_idempotent, method.idempotent_without, method.subject)


def _procedure(method: MethodDescription, siblings: Mapping[str, Tool], paging: Paging | None) -> Procedure:
    if method.parts:
        main, _, inner = (method.response.inner or "").partition(".")
        preparation = Preparation.of(method.response, inner or None)
        return Composite(method.parts, siblings, main, Presentation(paging, preparation))
    return SingleRequest(method.tool, siblings, method.number, method.verify)


def _object_schema(
    arguments: Mapping[str, ArgumentDescription], travels: Callable[[ArgumentDescription], bool]
) -> JSONSchema:
    chosen = {name: argument for name, argument in arguments.items() if travels(argument)}
    schema: JSONSchema = {"type": "object", "properties": {name: _schema(a) for name, a in chosen.items()}}
    required = [name for name, argument in chosen.items() if argument.required]
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def _schema(argument: ArgumentDescription) -> JSONSchema:
    return argument.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_OWN_FIELDS)


def _output_schema(method: MethodDescription) -> JSONSchema:
    """Admits success and error alike: a client that validates error results too must not throw the text away."""
    results: dict[str, JSONSchema] = {
        "list": {"type": "array", "items": {"type": "object"}},
        "optional": {"type": "array", "items": {"type": "object"}},
        "object": {"type": "object"},
        "accepted": {},
        "content": {},
    }
    return {
        "type": "object",
        "properties": {
            "result": results[method.response.shape],
            "next_cursor": {"type": ["string", "null"]},
            "error": {"type": "object"},
        },
        "additionalProperties": True,
    }


def _annotations(title: str, hints: AnnotationsDescription) -> JSONSchema:
    return {
        "title": title,
        "readOnlyHint": hints.read_only,
        "destructiveHint": hints.destructive,
        "idempotentHint": hints.idempotent,
        "openWorldHint": hints.open_world,
    }


def _paging(method: MethodDescription) -> Paging | None:
    paging = None if method.request is None else method.request.paging
    if paging is None:
        return Paging(method.tool, None, 1) if method.response.inner is not None else None
    return Paging(method.tool, paging.page, method.arguments[LIMIT].default)


def _error_context(
    integration: IntegrationDescription, method: MethodDescription, binding: RequestBinding | None
) -> ErrorContext:
    return ErrorContext(
        title=integration.title,
        is_write=_is_write(method),
        settle=method.settle or "",
        unsettled=method.unsettled or "",
        hints={**integration.hints, **method.hints},
        quota=integration.rate_limit.requests,
        window_seconds=integration.rate_limit.window_seconds,
        wire_names={} if binding is None else binding.wire_names(),
        not_found=tuple(words.casefold() for words in integration.not_found),
    )


def _check(integration: IntegrationDescription, method: MethodDescription) -> None:
    """Refuse what the types alone cannot: parts of a document that must agree with one another."""
    faults = (*_shape_faults(method), *_argument_faults(method), *_policy_faults(integration, method))
    for complaint in faults:
        raise ValueError(complaint)


def _shape_faults(method: MethodDescription) -> Iterable[str]:
    if (method.request is None) is not bool(method.parts):
        yield "a tool has either a request or parts"
    elif method.request is not None:
        yield from _binding_faults(method.request, method.arguments)
    if len(method.parts) > MAX_PARTS:
        yield f"a composite tool has at most {MAX_PARTS} parts"
    if method.parts and method.method not in {"list", "get"}:
        yield "parts only read"
    known = [part.name for part in method.parts]
    for place, part in enumerate(method.parts):
        unknown = of_parts(chain.from_iterable(part.arguments.values())) - {
            *(f"${name}" for name in method.arguments),
            *known[:place],
        }
        if unknown:
            yield f"the part {part.name} takes arguments from {sorted(unknown)}, which stand nowhere before it"


def _binding_faults(request: RequestDescription, arguments: Mapping[str, ArgumentDescription]) -> Iterable[str]:
    in_path = {name for name, argument in arguments.items() if argument.place == "path"}
    placeholders = set(_PLACEHOLDER.findall(request.path))
    if in_path != placeholders:
        yield f"the path's placeholders {sorted(placeholders)} are not its path arguments {sorted(in_path)}"
    if any(not arguments[name].required or arguments[name].type != "string" for name in in_path):
        yield "path arguments must be required strings"
    paged = {name for name, argument in arguments.items() if argument.place == "paging"}
    if paged != ({LIMIT, NEXT_CURSOR} if request.paging else set()):
        yield f"paging takes exactly the arguments {LIMIT} and {NEXT_CURSOR}, got {sorted(paged)}"
    if request.paging and not isinstance(arguments[LIMIT].default, int):
        yield f"{LIMIT} needs a whole number as its default"


def _argument_faults(method: MethodDescription) -> Iterable[str]:
    arguments = method.arguments
    named = {other for argument in arguments.values() for other in argument.requires}
    named |= {argument.named_by for argument in arguments.values() if argument.named_by}
    named |= {a.to.argument for a in arguments.values() if isinstance(a.to, PlaceByArgument)}
    if method.number is not None:
        named.add(method.number.argument)
    if method.subject is not None:
        named.add(method.subject.argument)
    if method.idempotent_without is not None:
        named.add(method.idempotent_without)
    if method.verify is not None:
        named |= method.verify.fields.keys()
    misplaced = [name for name, argument in arguments.items() if _is_misplaced(argument)]
    if misplaced:
        yield f"`also` is for path arguments, `maxBytes` and `named_by` for files, got them at {misplaced}"
    unknown = named - arguments.keys()
    if unknown:
        yield f"unknown arguments are named: {sorted(unknown)}"


def _is_misplaced(argument: ArgumentDescription) -> bool:
    is_of_files = argument.max_bytes is not None or argument.named_by is not None
    return (argument.also is not None and argument.place != "path") or (is_of_files and argument.place != "file")


def _policy_faults(integration: IntegrationDescription, method: MethodDescription) -> Iterable[str]:
    is_write = _is_write(method)
    unknown = set(method.tags) - integration.tags.keys()
    if unknown:
        yield f"tags {sorted(unknown)} are not declared in integration.yaml"
    if method.annotations.read_only is is_write:
        yield f"read_only must be {str(not is_write).lower()} for the method {method.method}"
    if method.request is not None and (method.request.verb == "GET") is not (method.method in {"list", "get"}):
        yield f"the verb {method.request.verb} does not suit the method {method.method}"
    if method.subject is not None and not is_write:
        yield "a read changes no subject"
    if method.annotations.idempotent and method.idempotent_without is not None:
        yield "idempotent_without is for a tool that is not idempotent"
    if is_write and (method.settle is None) is (method.unsettled is None):
        yield "a write must name the look-up that settles it, or else what to do without one (unsettled)"
    if (method.method == "list") is not (method.response.shape in {"list", "optional"}):
        yield f"the response shape {method.response.shape} does not suit the method {method.method}"
