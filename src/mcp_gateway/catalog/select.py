"""Which tools a server sees: methods AND tags."""

from collections.abc import Iterable, Sequence

from mcp_gateway.catalog.tool import Integration, Tool

READ_METHODS = ("list", "get")
WRITE_METHODS = ("create", "update", "delete")
METHOD_GROUPS = {"read": READ_METHODS, "write": WRITE_METHODS}


def select_tools(
    tools: Iterable[Tool], methods: Sequence[str] | None = None, tags: Sequence[str] | None = None
) -> tuple[Tool, ...]:
    """The tools that pass, in their own order; None is no filter, an empty list passes nothing.

    A method is a group (read, write), one of list, get, create, update, delete, or an exact tool name. A tool passes
    the tags when it carries one of them.
    """
    return tuple(tool for tool in tools if _by_method(tool, methods) and _by_tag(tool, tags))


def allowed_methods(integration: Integration) -> tuple[str, ...]:
    """Every word a methods filter may hold."""
    names = (tool.name for tool in integration.tools)
    return (*METHOD_GROUPS, *READ_METHODS, *WRITE_METHODS, *names)


def allowed_tags(integration: Integration) -> tuple[str, ...]:
    """Every word a tags filter may hold."""
    return tuple(integration.tags)


def unknown_methods(integration: Integration, methods: Iterable[str]) -> tuple[str, ...]:
    """Those that `allowed_methods` does not hold, in the order given."""
    known = set(allowed_methods(integration))
    return tuple(method for method in methods if method not in known)


def unknown_tags(integration: Integration, tags: Iterable[str]) -> tuple[str, ...]:
    """Those that `allowed_tags` does not hold, in the order given."""
    return tuple(tag for tag in tags if tag not in integration.tags)


def _by_method(tool: Tool, methods: Sequence[str] | None) -> bool:
    return methods is None or not {tool.kind, tool.method, tool.name}.isdisjoint(methods)


def _by_tag(tool: Tool, tags: Sequence[str] | None) -> bool:
    return tags is None or not set(tool.tags).isdisjoint(tags)
