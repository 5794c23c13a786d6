"""Richpanel's tools as the gateway reads them from the catalog."""

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.select import select_tools

RICHPANEL = load_catalog().integrations["richpanel"]
EVERY_TOOL = [tool.name for tool in RICHPANEL.tools]


def names_of(*, methods: list[str] | None = None, tags: list[str] | None = None) -> list[str]:
    """The names of the tools that pass a filter."""
    return [tool.name for tool in select_tools(RICHPANEL.tools, methods, tags)]
