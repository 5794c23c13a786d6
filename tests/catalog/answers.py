"""Answers of upstream, and what a tool makes of them."""

from typing import Any

import orjson

from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.conftest import ToolByName

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
LINK = "list_all_richpanel_orders"
ORDER = "get_single_richpanel_order_by_id"
REPORT = "create_a_richpanel_report_query"
ARGUMENTS: dict[str, dict[str, Any]] = {
    LIST: {"limit": 2},
    GET: {"id": "1"},
    UPDATE: {"id": "1", "status": "CLOSED"},
    TAG: {"conversation_id": "1", "tags": ["a"]},
    LINK: {"conversation_id": "1"},
    ORDER: {"appclient_id": "acme1230", "id": "1"},
}


def shape(tool: ToolByName, name: str, body: Any, status: int = 200) -> ToolOutcome:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return tool(name).shape(UpstreamResponse(status, body=raw), ARGUMENTS[name])
