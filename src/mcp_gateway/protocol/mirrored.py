"""Arguments a client repeats in `Mcp-Param-*` headers, because the tool's schema says `x-mcp-header`.

Source: MCP 2026-07-28, Streamable HTTP / Custom Headers from Tool Parameters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_gateway.protocol.errors import HEADER_MISMATCH, ProtocolError, shown
from mcp_gateway.protocol.headers import PARAM_PREFIX, McpHeaders, decoded

ANNOTATION = "x-mcp-header"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110 §5.6.2
_TYPES = frozenset({"string", "integer", "boolean"})
_INTEGER = re.compile(r"-?[0-9]{1,16}(?:\.0+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MirroredArgument:
    """One annotated property."""

    path: tuple[str, ...]
    """From the arguments' root."""
    header: bytes
    """The header's whole name, in lower case."""


def mirrored_arguments(input_schema: Mapping[str, Any]) -> tuple[MirroredArgument, ...]:
    """The annotated properties of a tool.

    Raises:
        ValueError: an annotation for which clients must drop the whole tool.
    """
    found = tuple(_annotated(input_schema, ()))
    if len({argument.header for argument in found}) < len(found):
        raise ValueError(f"{ANNOTATION} names the same header twice")
    if _count(input_schema) > len(found):
        raise ValueError(f"{ANNOTATION} stands where only `properties` lead to from the root are allowed")
    return found


def check_mirrored(mirrored: tuple[MirroredArgument, ...], sent: McpHeaders, arguments: Mapping[str, Any]) -> None:
    """Compare every annotated argument with its header; headers that mirror nothing are not looked at.

    Raises:
        ProtocolError: header mismatch (-32020).
    """
    for argument in mirrored:
        _check(argument, sent.params.get(argument.header, ()), _value(arguments, argument.path))


def _check(argument: MirroredArgument, values: tuple[bytes, ...], value: Any) -> None:
    name = argument.header.decode()
    if not values and value is None:
        return
    if len(values) != 1 or value is None:
        raise ProtocolError(HEADER_MISMATCH, f"{name} must be sent exactly once, and only with its argument.")
    text = decoded(values[0])
    if text is None:
        raise ProtocolError(HEADER_MISMATCH, f"The {name} header is neither plain ASCII nor base64 of UTF-8.")
    if not _is_same(text, value):
        where = ".".join(argument.path)
        raise ProtocolError(HEADER_MISMATCH, f'The {name} header says "{shown(text)}", `{where}` says something else.')


def _is_same(text: str, value: Any) -> bool:
    match value:
        case bool():
            return text == str(value).lower()
        case str():
            return text == value
        case int() | float():
            # Numerically: 42 and 42.0 are one value to JSON. Not as floats, which take neighbours beyond 2^53 for one.
            return _INTEGER.fullmatch(text) is not None and int(text.partition(".")[0]) == value
    # An object or array: no header can say it, and the schema refuses it with better words.
    return True


def _value(arguments: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = arguments
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _annotated(schema: Any, path: tuple[str, ...]) -> Iterator[MirroredArgument]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for name, node in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(node, Mapping) and ANNOTATION in node:
            yield MirroredArgument((*path, name), _header(node))
        yield from _annotated(node, (*path, name))


def _header(node: Mapping[str, Any]) -> bytes:
    name = node[ANNOTATION]
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{ANNOTATION} must be an HTTP token, got {name!r}")
    if node.get("type") not in _TYPES:
        raise ValueError(f"{ANNOTATION} may stand on {', '.join(sorted(_TYPES))} only, got {node.get('type')!r}")
    return PARAM_PREFIX + name.lower().encode()


def _count(value: Any) -> int:
    """Annotations anywhere in the schema; a property that only has that name is none."""
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, Mapping):
        return 0
    properties = value.get("properties")
    inner = sum(map(_count, properties.values())) if isinstance(properties, Mapping) else 0
    return (ANNOTATION in value) + inner + sum(_count(v) for k, v in value.items() if k != "properties")
