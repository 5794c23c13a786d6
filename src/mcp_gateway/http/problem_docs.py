"""What OpenAPI says of every answer of 400 and above."""

from typing import Any

from mcp_gateway.http.errors import ProblemResponse

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; programs tell errors apart by it."},
        "request_id": {"type": "string", "description": "Quote it when asking for help."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message", "code"],
                "properties": {
                    "path": {"type": "string", "description": "The field; empty for the whole body."},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "allowed": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
PROBLEM_EXAMPLE: dict[str, Any] = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "there is no such MCP server",
    "code": "not_found",
    "request_id": "req_5dab511b29612f868cfc3f31",
    "errors": [],
}
_PROBLEM = {ProblemResponse.media_type: {"schema": PROBLEM_SCHEMA, "example": PROBLEM_EXAMPLE}}
PROBLEMS: dict[int | str, dict[str, Any]] = {"default": {"description": "Refused or failed", "content": _PROBLEM}}
"""For `APIRouter(responses=…)`; stands in the place of the framework's own description of a 422."""
TOOL_ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "The `structuredContent` of a failed MCP tool call.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "origin", "status", "message"],
            "properties": {
                "type": {"type": "string", "description": "Stable; programs tell errors apart by it."},
                "origin": {"type": "string", "enum": ["upstream", "gateway"]},
                "status": {"type": ["integer", "null"], "description": "Upstream's, where it answered."},
                "message": {"type": "string"},
            },
        }
    },
}
TOOL_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A tool call that failed, or a request that was refused before it was one",
        "content": {"application/json": {"schema": TOOL_ERROR_SCHEMA}, **_PROBLEM},
    }
}
"""For the route that calls tools."""
