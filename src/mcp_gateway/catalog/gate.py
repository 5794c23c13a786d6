"""The compatibility gate: what every client in use accepts, checked on the definitions as they go out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from jsonschema_rs import ValidationError, meta

from mcp_gateway.catalog.tool import Catalog, Tool

MAX_DESCRIPTION = 1024
MAX_LIST_TOKENS = 7000
"""All tools of one integration together; some clients work best near 5,000."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_ROOT_KEYWORDS = ("oneOf", "allOf", "anyOf", "not", "enum")
_OUTPUT_MEMBERS = frozenset({"result", "next_cursor", "error"})
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark: an `error` fails the check, a `cost` only informs."""

    level: Literal["error", "cost"]
    subject: str
    """Tool or integration."""
    message: str
    tokens: int | None = None


def check(catalog: Catalog) -> list[Finding]:
    """All findings, errors first by tool, then the token cost per tool and per integration."""
    findings: list[Finding] = []
    for integration in catalog.integrations.values():
        for tool in integration.tools:
            findings += check_definition(tool.definition)
        findings += _costs(integration.name, integration.tools)
    return sorted(findings, key=lambda finding: finding.level == "cost")


def estimate_tokens(definition: Mapping[str, Any]) -> int:
    """Characters of the compact JSON divided by four, rounded up: an estimate that needs no tokenizer."""
    return -(-len(orjson.dumps(definition).decode()) // 4)


def check_definition(definition: Mapping[str, Any]) -> list[Finding]:
    """The errors of one `tools/list` item."""
    name = str(definition.get("name", ""))
    return [Finding("error", name, message) for message in _faults(name, definition)]


def _faults(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    if not _TOOL_NAME.fullmatch(name):
        yield f"the name must match {_TOOL_NAME.pattern}"
    length = len(definition.get("description") or "")
    if not 0 < length <= MAX_DESCRIPTION:
        yield f"the description must have 1 to {MAX_DESCRIPTION} characters, it has {length}"
    annotations = definition.get("annotations", {})
    missing = [hint for hint in _HINTS if not isinstance(annotations.get(hint), bool)]
    if missing or not annotations.get("title"):
        yield f"annotations must say title and all four hints; missing: {', '.join(missing) or 'title'}"
    yield from _schema_faults("inputSchema", definition.get("inputSchema"))
    yield from _schema_faults("outputSchema", definition.get("outputSchema"))
    yield from _input_faults(definition.get("inputSchema"))
    yield from _output_faults(definition.get("outputSchema"))


def _schema_faults(where: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield f"{where} must have an object at its root"
        return
    for keyword in _ROOT_KEYWORDS:
        if keyword in schema:
            yield f"{where} must not have {keyword} at its root"
    try:
        meta.validate({"$schema": _DIALECT, **schema})
    except ValidationError as exc:
        yield f"{where} is not JSON Schema 2020-12: {exc.message}"
    for path, node in _nodes(where, schema):
        yield from _node_faults(path, node)


def _node_faults(path: str, node: Mapping[str, Any]) -> Iterator[str]:
    for key in node:
        if key.casefold().startswith("x-mcp-"):
            yield f"{path} must not have {key}"
    properties = node.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not _PROPERTY_NAME.fullmatch(name):
            yield f"{path}: the property name {name!r} must match {_PROPERTY_NAME.pattern}"
    if node.get("type") == "array" and "items" not in node:
        yield f"{path}: an array must say its items"


def _nodes(path: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object inside a schema, with its place."""
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        yield path, value
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for step, child in children:
        yield from _nodes(f"{path}.{step}", child)


def _input_faults(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict) and schema.get("additionalProperties") is not False:
        yield "inputSchema must have additionalProperties false"


def _output_faults(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if not _OUTPUT_MEMBERS.issubset(schema.get("properties", {})):
        yield f"outputSchema must admit {', '.join(sorted(_OUTPUT_MEMBERS))}"
    if schema.get("required") or schema.get("additionalProperties") is not True:
        yield "outputSchema must require nothing and allow further members"


def _costs(integration: str, tools: Iterable[Tool]) -> Iterator[Finding]:
    costs = {tool.name: estimate_tokens(tool.definition) for tool in tools}
    for name, tokens in costs.items():
        yield Finding("cost", name, f"about {tokens} tokens (characters / 4)", tokens)
    total = sum(costs.values())
    yield Finding("cost", integration, f"about {total} tokens for {len(costs)} tools (characters / 4)", total)
    if total > MAX_LIST_TOKENS:
        yield Finding("error", integration, f"the list costs about {total} tokens; the limit is {MAX_LIST_TOKENS}")
