"""Which tools a filter leaves, prepared once per filter and shared by all servers that have it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from mcp_gateway.catalog.select import (
    allowed_methods,
    allowed_tags,
    select_tools,
    unknown_methods,
    unknown_tags,
)
from mcp_gateway.catalog.tool import Catalog, Integration, Tool
from mcp_gateway.exceptions import InvalidInputError, NotFoundError, NoToolsError, Problem

MAX_PROBLEMS = 20
"""Entries named in one refusal."""
MAX_NEAR = 6
"""Tools named to who chose none."""
REVISION_DIGITS = 16
MAX_KEPT = 4096
"""Filters kept prepared; a filter is a choice of methods and tags, so a handful in practice."""

Filter = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ToolSet:
    """Some tools of one integration, in the catalog's order."""

    integration: Integration
    tools: dict[str, Tool]
    names: tuple[str, ...]
    list_json: bytes
    """The JSON array of MCP tool definitions."""
    revision: str
    """A short hash of it."""


class ToolSets:
    """Checks filters and hands out tool sets."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: dict[tuple[str, Filter, Filter], ToolSet] = {}

    def integration(self, name: str) -> Integration:
        """One integration.

        Raises:
            NotFoundError: the catalog has none of this name.
        """
        integration = self._catalog.integrations.get(name)
        if integration is None:
            raise NotFoundError("there is no such integration")
        return integration

    def integrations(self) -> tuple[Integration, ...]:
        """All of them."""
        return tuple(self._catalog.integrations.values())

    def select(self, integration: str, methods: Filter, tags: Filter) -> ToolSet:
        """The tools that pass; possibly none."""
        # One key for every order and repetition of the same words.
        key = (integration, _canonical(methods), _canonical(tags))
        kept = self._kept.get(key)
        if kept is None:
            kept = self._prepare(*key)
            if len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = kept
        return kept

    def check(self, integration: str, methods: Sequence[str] | None, tags: Sequence[str] | None) -> ToolSet:
        """The tools of a new server's filters.

        Raises:
            InvalidInputError: unknown methods or tags; names what is allowed.
            NoToolsError: no tool passes.
        """
        chosen = self.filtered(integration, methods, tags, prefix="config.")
        if not chosen.names:
            raise NoToolsError(
                "no documented tool passes these methods and tags together; "
                f"`GET /integration/{integration}/tools` lists the tools with theirs" + _near(chosen.integration, tags)
            )
        return chosen

    def filtered(
        self,
        integration: str,
        methods: Sequence[str] | None,
        tags: Sequence[str] | None,
        *,
        prefix: str = "",
    ) -> ToolSet:
        """The tools that pass filters fresh from a caller; possibly none.

        Raises:
            InvalidInputError: unknown methods or tags; `prefix` stands before their names.
        """
        known = self.integration(integration)
        problems = [
            *_unknown(f"{prefix}methods", methods, unknown_methods, allowed_methods(known), known),
            *_unknown(f"{prefix}tags", tags, unknown_tags, allowed_tags(known), known),
        ][:MAX_PROBLEMS]
        if problems:
            raise InvalidInputError("; ".join(f"{problem.path}: {problem.message}" for problem in problems), problems)
        return self.select(
            integration, None if methods is None else tuple(methods), None if tags is None else tuple(tags)
        )

    def _prepare(self, integration: str, methods: Filter, tags: Filter) -> ToolSet:
        known = self.integration(integration)
        tools = {tool.name: tool for tool in select_tools(known.tools, methods, tags)}
        list_json = orjson.dumps([tool.definition for tool in tools.values()])
        return ToolSet(
            integration=known,
            tools=tools,
            names=tuple(tools),
            list_json=list_json,
            revision=sha256(list_json).hexdigest()[:REVISION_DIGITS],
        )


def _canonical(words: Filter) -> Filter:
    return None if words is None else tuple(sorted(set(words)))


def _near(integration: Integration, tags: Sequence[str] | None) -> str:
    """What the tags alone would leave: a filter by methods misses a tool that is named for what it makes, not does."""
    found = select_tools(integration.tools, tags=tags)
    if tags is None or not found or len(found) > MAX_NEAR:
        return ""
    listed = ", ".join(f"`{tool.name}` ({tool.method_note})" for tool in found)
    return f". With these tags there are {listed}; in `methods`, a tool's exact name takes it"


def _unknown(
    path: str,
    given: Sequence[str] | None,
    find: Callable[[Integration, Sequence[str]], Sequence[str]],
    allowed: Sequence[str],
    integration: Integration,
) -> list[Problem]:
    if given is None:
        return []
    if not given:
        text = "must name at least one, or be omitted for all"
        return [Problem(path, text, "empty", tuple(allowed))]
    bad = set(find(integration, given))
    listed = ", ".join(allowed)
    return [
        Problem(f"{path}.{place}", f"{value[:100]!r} is unknown; allowed: {listed}", "unknown", tuple(allowed))
        for place, value in enumerate(given)
        if value in bad
    ]
