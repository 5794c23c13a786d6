"""The compatibility gate: what every client in use accepts, checked on the definitions as they go out.

Some faults break a tool for everybody: its name, a schema that is none, an output schema that turns errors away. Others
only some client or other refuses, a description too long for one, a schema's root too clever for another. Under the
policy `strict` both are errors; under `tolerant`, for an integration whose tools come from elsewhere and are used with
known clients, the latter are warnings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson
from jsonschema_rs import ValidationError, meta

from mcp_gateway.catalog.description import Policy
from mcp_gateway.catalog.tool import Catalog, Integration

MAX_DESCRIPTION = 1024
MAX_LIST_TOKENS = 7000
"""All tools of one integration together; some clients work best near 5,000."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_ROOT_KEYWORDS = ("oneOf", "allOf", "anyOf", "not", "enum")
_OUTPUT_MEMBERS = frozenset({"result", "next_cursor", "error"})
_SCHEMAS = ("inputSchema", "outputSchema")
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


Level = Literal["error", "warning", "cost"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark: an `error` fails the check, a `warning` or a `cost` only informs."""

    level: Level
    subject: str
    """Tool or integration."""
    message: str
    tokens: int | None = None


def check(catalog: Catalog) -> list[Finding]:
    """All findings, errors first, then warnings, then the token cost per tool and per integration."""
    findings: list[Finding] = []
    for integration in catalog.integrations.values():
        for tool in integration.tools:
            findings += check_definition(tool.definition, integration.policy)
        findings += _costs(integration)
    return sorted(findings, key=lambda finding: get_args(Level).index(finding.level))


def estimate_tokens(definition: Mapping[str, Any]) -> int:
    """Characters of the compact JSON divided by four, rounded up: an estimate that needs no tokenizer."""
    return -(-len(orjson.dumps(definition).decode()) // 4)


def check_definition(definition: Mapping[str, Any], policy: Policy = "strict") -> list[Finding]:
    """The faults of one `tools/list` item."""
    name = str(definition.get("name", ""))
    mild: Level = "error" if policy == "strict" else "warning"
    return [Finding("error", name, message) for message in _breaking(name, definition)] + [
        Finding(mild, name, message) for message in _unportable(definition)
    ]


def _breaking(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    """What no client can do with, or what the contract forbids."""
    if not _TOOL_NAME.fullmatch(name):
        yield f"the name must match {_TOOL_NAME.pattern}"
    for where in _SCHEMAS:
        yield from _schema_faults(where, definition.get(where))
    yield from _output_faults(definition.get("outputSchema"))


def _unportable(definition: Mapping[str, Any]) -> Iterator[str]:
    """What one client or another turns away."""
    length = len(definition.get("description") or "")
    if not 0 < length <= MAX_DESCRIPTION:
        yield f"the description must have 1 to {MAX_DESCRIPTION} characters, it has {length}"
    annotations = definition.get("annotations", {})
    missing = [hint for hint in _HINTS if not isinstance(annotations.get(hint), bool)]
    if missing or not annotations.get("title"):
        yield f"annotations must say title and all four hints; missing: {', '.join(missing) or 'title'}"
    for where in _SCHEMAS:
        yield from _root_faults(where, definition.get(where))
    yield from _input_faults(definition.get("inputSchema"))


def _schema_faults(where: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield f"{where} must have an object at its root"
        return
    try:
        meta.validate({"$schema": _DIALECT, **schema})
    except ValidationError as exc:
        yield f"{where} is not JSON Schema 2020-12: {exc.message}"
    for path, node in _nodes(where, schema):
        for key in node:
            if key.casefold().startswith("x-mcp-"):
                yield f"{path} must not have {key}"


def _root_faults(where: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for keyword in _ROOT_KEYWORDS:
        if keyword in schema:
            yield f"{where} must not have {keyword} at its root"
    for path, node in _nodes(where, schema):
        yield from _node_faults(path, node)


def _node_faults(path: str, node: Mapping[str, Any]) -> Iterator[str]:
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


def _costs(integration: Integration) -> Iterator[Finding]:
    costs = {tool.name: estimate_tokens(tool.definition) for tool in integration.tools}
    for name, tokens in costs.items():
        yield Finding("cost", name, f"about {tokens} tokens (characters / 4)", tokens)
    total = sum(costs.values())
    yield Finding("cost", integration.name, f"about {total} tokens for {len(costs)} tools (characters / 4)", total)
    if total > MAX_LIST_TOKENS:
        level: Level = "error" if integration.policy == "strict" else "warning"
        yield Finding(level, integration.name, f"the list costs about {total} tokens; the limit is {MAX_LIST_TOKENS}")
