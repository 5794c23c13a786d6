"""The OpenAPI document every peer is given: the gateway's own tools, as operations of the stub."""

from typing import Any

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Tool

TICKET_TOOL = "get_single_richpanel_conversation_by_id"
"""The one that is called; its path is the stub's."""
NO_BODY = frozenset({"get", "list"})


def tools() -> tuple[Tool, ...]:
    return load_catalog().integrations["richpanel"].tools


def document(upstream: str) -> dict[str, Any]:
    """OpenAPI 3.1, one operation for each tool, with its description and its arguments' schemas."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Richpanel", "version": "1"},
        "servers": [{"url": upstream}],
        "paths": {_path(tool): {_verb(tool): _operation(tool)} for tool in tools()},
    }


def _path(tool: Tool) -> str:
    return "/tickets/{id}" if tool.name == TICKET_TOOL else f"/{tool.name}"


def _verb(tool: Tool) -> str:
    return "get" if tool.method in NO_BODY else "post"


def _operation(tool: Tool) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": tool.name,
        "description": tool.description,
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}}},
    }
    properties = dict(tool.input_schema["properties"])
    required = set(tool.input_schema.get("required", ()))
    if tool.method not in NO_BODY:
        schema = {"type": "object", "properties": properties, "required": sorted(required)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        return operation
    if tool.name == TICKET_TOOL:
        properties = {"id": properties["id"]}
    operation["parameters"] = [
        {
            "name": name,
            "in": "path" if tool.name == TICKET_TOOL else "query",
            "required": name in required,
            "schema": {key: value for key, value in schema.items() if key != "description"},
            "description": schema.get("description", ""),
        }
        for name, schema in properties.items()
    ]
    return operation
