"""The tools of an integration as a page of Markdown: docs/tools.md is one, and a test keeps it true."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson

from mcp_gateway.catalog.gate import estimate_tokens
from mcp_gateway.catalog.tool import Integration, Tool

CONFIDENCE = {
    "documented": "on the vendor's pages",
    "live": "documented, and seen in recorded calls",
    "client": "in third-party code in production",
    "second-hand": "in somebody's summary",
    "inferred": "our conclusion",
}
HINTS = {
    "readOnlyHint": "reads only",
    "destructiveHint": "may overwrite or remove",
    "idempotentHint": "may be repeated",
}


def page(integration: Integration) -> str:
    """The whole page."""
    tokens = sum(estimate_tokens(tool.definition) for tool in integration.tools)
    lines = [
        f"# Tools of {integration.title}",
        "",
        "Written by `mcp-gateway tools --markdown` from the catalog; edit the documents, not this page.",
        "",
        (
            f"{len(integration.tools)} tools, which cost a client about {tokens:,} tokens to list (characters / 4); "
            "a server's `methods` and `tags` leave the ones that are needed."
        ),
        "",
        "| tool | method | tags |",
        "|---|---|---|",
        *(f"| [`{one.name}`](#{one.name}) | {one.method_note} | {', '.join(one.tags)} |" for one in integration.tools),
    ]
    for resource, tools in groupby(integration.tools, key=lambda tool: tool.resource):
        lines += ["", f"## {resource.replace('_', ' ').capitalize()}"]
        for tool in tools:
            lines += ["", *_section(tool)]
    return "\n".join(lines) + "\n"


def _section(tool: Tool) -> Iterator[str]:
    yield f"### {tool.name}"
    yield ""
    yield f"**{tool.title}.** {tool.description}"
    yield ""
    source = f"{CONFIDENCE[tool.confidence]} ([{tool.resource}]({tool.documentation}))"
    yield f"{_hints(tool.annotations)} {_requests(tool.most_requests)} Binding: {source}."
    yield ""
    yield "| argument | type | |"
    yield "|---|---|---|"
    required = tool.input_schema.get("required", ())
    for name, schema in tool.input_schema["properties"].items():
        yield f"| `{name}`{' **required**' if name in required else ''} | {_type(schema)} | {_about(schema)} |"
    for example in tool.examples:
        yield ""
        yield f"{example.title}:"
        yield ""
        yield "```json"
        yield orjson.dumps(example.arguments).decode()
        yield "```"


def _requests(most: int) -> str:
    return "One request to upstream." if most == 1 else f"At most {most} requests to upstream."


def _hints(annotations: Mapping[str, Any]) -> str:
    told = [words for hint, words in HINTS.items() if annotations[hint] and not _is_implied(hint, annotations)]
    return f"{', '.join(told).capitalize()}." if told else "Adds something each time."


def _is_implied(hint: str, annotations: Mapping[str, Any]) -> bool:
    """A tool that only reads may be repeated and removes nothing."""
    return hint != "readOnlyHint" and bool(annotations["readOnlyHint"])


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema["type"]
    return f"array of {schema['items']['type']}" if kind == "array" and "items" in schema else str(kind)


def _about(schema: Mapping[str, Any]) -> str:
    """Description, values, bounds and default, as one cell."""
    parts: list[str] = []
    if "description" in schema:
        parts.append(str(schema["description"]).replace("|", "\\|").replace("<", "&lt;"))
    if "enum" in schema:
        parts.append(_words("one of", schema["enum"]))
    if "minimum" in schema and "maximum" in schema:
        parts.append(f"{schema['minimum']} to {schema['maximum']}.")
    if "default" in schema:
        parts.append(f"Default `{orjson.dumps(schema['default']).decode()}`.")
    return " ".join(parts)


def _words(lead: str, words: Sequence[str]) -> str:
    return f"{lead.capitalize()} {', '.join(f'`{word}`' for word in words)}."
