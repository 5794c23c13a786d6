"""`/integration`: the catalog."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from mcp_gateway.catalog.tool import Integration, Tool
from mcp_gateway.http.admin.schemas import IntegrationOut, ToolOut
from mcp_gateway.http.context import Reader, Services
from mcp_gateway.http.pagination import DEFAULT_LIMIT, Limit, ListOut, NextCursor, list_out
from mcp_gateway.http.problem_docs import PROBLEMS
from mcp_gateway.models.pages import Page

router = APIRouter(prefix="/integration", tags=["catalog"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True)
class Filter:
    """`methods` and `tags` of the query; None is no filter."""

    methods: tuple[str, ...] | None
    tags: tuple[str, ...] | None


def _words(values: list[str] | None) -> tuple[str, ...] | None:
    if values is None:
        return None
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def _tool_filter(
    methods: Annotated[
        list[str] | None, Query(description="Comma-separated or repeated: read, write, a method, a tool name.")
    ] = None,
    tags: Annotated[list[str] | None, Query(description="Comma-separated or repeated.")] = None,
) -> Filter:
    return Filter(methods=_words(methods), tags=_words(tags))


ToolFilter = Annotated[Filter, Depends(_tool_filter)]


def tools_page(
    services: Services, integration: str, tool_filter: Filter, *, limit: int, next_cursor: str | None
) -> tuple[Page[Tool], str]:
    """Some of the tools that pass, and the name of the list for its cursors."""
    scope = f"tools:{integration}:{tool_filter.methods}:{tool_filter.tags}"
    tool_set = services.tool_sets.filtered(integration, tool_filter.methods, tool_filter.tags)
    after = services.list_cursors.position(scope, next_cursor)
    start = 0 if after is None or after not in tool_set.tools else tool_set.names.index(after) + 1
    names = tool_set.names[start : start + limit]
    more = start + limit < len(tool_set.names)
    items = tuple(tool_set.tools[name] for name in names)
    return Page(items=items, next_position=names[-1] if more else None), scope


def _integration_out(integration: Integration) -> IntegrationOut:
    return IntegrationOut(
        name=integration.name,
        title=integration.title,
        description=integration.description,
        documentation=integration.documentation,
        tags=dict(integration.tags),
    )


def tool_out(tool: Tool) -> ToolOut:
    """The wire form of a tool."""
    return ToolOut(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        resource=tool.resource,
        method=tool.method,
        tags=list(tool.tags),
        query_schema=dict(tool.query_schema),
        body_schema=None if tool.body_schema is None else dict(tool.body_schema),
        input_schema=dict(tool.input_schema),
        annotations=dict(tool.annotations),
        documentation=tool.documentation,
    )


@router.get("", summary="List integrations")
async def list_page(services: Services, _caller: Reader) -> ListOut[IntegrationOut]:
    """What accounts can be made for."""
    known = services.tool_sets.integrations()
    return ListOut[IntegrationOut](result=[_integration_out(one) for one in known], next_cursor=None)


@router.get("/{name}", summary="Show an integration")
async def show(name: str, services: Services, _caller: Reader) -> IntegrationOut:
    """One integration with its tags."""
    return _integration_out(services.tool_sets.integration(name))


@router.get("/{name}/tools", summary="List the tools of an integration")
async def list_tools(
    name: str,
    services: Services,
    _caller: Reader,
    tool_filter: ToolFilter,
    limit: Limit = DEFAULT_LIMIT,
    next_cursor: NextCursor = None,
) -> ListOut[ToolOut]:
    """Filters work as in a server's `config`."""
    page, scope = tools_page(services, name, tool_filter, limit=limit, next_cursor=next_cursor)
    return list_out(page, tool_out, services.list_cursors, scope)
