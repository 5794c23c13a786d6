"""Description → Tool: schemas, annotations and the compiled parts; refuses documents that contradict themselves."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from mcp_gateway.catalog.arguments import ArgumentChecker
from mcp_gateway.catalog.description import (
    AnnotationsDescription,
    ArgumentDescription,
    IntegrationDescription,
    MethodDescription,
    RateLimitDescription,
    SchemaDescription,
)
from mcp_gateway.catalog.errors import ErrorContext
from mcp_gateway.catalog.media import ANY_MEDIA_TYPE, JSON
from mcp_gateway.catalog.paging import LIMIT, NEXT_CURSOR, Paging
from mcp_gateway.catalog.request import RequestBinding
from mcp_gateway.catalog.result import Shaper
from mcp_gateway.catalog.tool import Tool
from mcp_gateway.models.limits import LimitRules

JSONSchema = dict[str, Any]
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
_OWN_FIELDS = set(ArgumentDescription.model_fields) - set(SchemaDescription.model_fields)


def compile_tool(integration: IntegrationDescription, resource: str, method: MethodDescription) -> Tool:
    """The tool of one documented method; ValueError (one line) when the document contradicts itself."""
    _check(integration, method)
    input_schema = _object_schema(method.arguments, lambda _: True)
    body_schema = _object_schema(method.arguments, lambda a: a.place == "body")
    output_schema = _output_schema(method)
    annotations = _annotations(method.title, method.annotations)
    binding = RequestBinding(
        method.request,
        method.arguments,
        is_write=method.method not in {"list", "get"},
        accept=ANY_MEDIA_TYPE if method.response.shape == "content" else JSON,
    )
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
        query_schema=_object_schema(method.arguments, lambda a: a.place != "body"),
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
        checker=ArgumentChecker(method.arguments, Draft202012Validator(input_schema)),
        binding=binding,
        shaper=Shaper(method.response, errors, is_list=method.method == "list", paging=paging),
        paging=paging,
        limit_rules=_limit_rules(integration.rate_limit),
    )


def _limit_rules(documented: RateLimitDescription) -> LimitRules:
    return LimitRules(documented.window_seconds, documented.reset_unit, documented.leak_per_second)


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
    paging = method.request.paging
    if paging is None:
        return None
    return Paging(method.tool, paging.page, method.arguments[LIMIT].default)


def _error_context(
    integration: IntegrationDescription, method: MethodDescription, binding: RequestBinding
) -> ErrorContext:
    return ErrorContext(
        title=integration.title,
        is_write=binding.is_write,
        settle=method.settle or "",
        hints={**integration.hints, **method.hints},
        quota=integration.rate_limit.requests,
        window_seconds=integration.rate_limit.window_seconds,
        wire_names=binding.wire_names(),
    )


def _check(integration: IntegrationDescription, method: MethodDescription) -> None:
    """Refuse what the types alone cannot: parts of a document that must agree with one another."""
    for complaint in (*_binding_faults(method), *_policy_faults(integration, method)):
        raise ValueError(complaint)


def _binding_faults(method: MethodDescription) -> Iterable[str]:
    arguments = method.arguments
    in_path = {name for name, argument in arguments.items() if argument.place == "path"}
    placeholders = set(_PLACEHOLDER.findall(method.request.path))
    if in_path != placeholders:
        yield f"the path's placeholders {sorted(placeholders)} are not its path arguments {sorted(in_path)}"
    if any(not arguments[name].required or arguments[name].type != "string" for name in in_path):
        yield "path arguments must be required strings"
    paged = {name for name, argument in arguments.items() if argument.place == "paging"}
    if paged != ({LIMIT, NEXT_CURSOR} if method.request.paging else set()):
        yield f"paging takes exactly the arguments {LIMIT} and {NEXT_CURSOR}, got {sorted(paged)}"
    if method.request.paging and not isinstance(arguments[LIMIT].default, int):
        yield f"{LIMIT} needs a whole number as its default"
    unknown = {other for argument in arguments.values() for other in argument.requires} - arguments.keys()
    if unknown:
        yield f"requires names unknown arguments: {sorted(unknown)}"


def _policy_faults(integration: IntegrationDescription, method: MethodDescription) -> Iterable[str]:
    is_write = method.method not in {"list", "get"}
    unknown = set(method.tags) - integration.tags.keys()
    if unknown:
        yield f"tags {sorted(unknown)} are not declared in integration.yaml"
    if method.annotations.read_only is is_write:
        yield f"read_only must be {str(not is_write).lower()} for the method {method.method}"
    if is_write is (method.request.verb == "GET"):
        yield f"the verb {method.request.verb} does not suit the method {method.method}"
    if is_write and method.settle is None:
        yield "a write must name the look-up that settles it"
    if (method.method == "list") is not (method.response.shape in {"list", "optional"}):
        yield f"the response shape {method.response.shape} does not suit the method {method.method}"
