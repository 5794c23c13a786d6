"""What each example of each tool puts on the wire, in full.

tests/data/catalog/requests.json is rewritten by UPDATE_DATA=1 and read in review against Richpanel's reference.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from mcp_gateway.catalog.run import PLAIN_RUN
from mcp_gateway.catalog.tool import Integration, Tool
from mcp_gateway.models.upstream import Exchange, UpstreamRequest
from tests.catalog.dialogues import ok
from tests.catalog.forms import by_python_multipart

EXPECTED = Path(__file__).parents[1] / "data" / "catalog" / "requests.json"
NOON = replace(PLAIN_RUN, now=datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC))
TICKET = {"id": "<made-up@mail.example>", "customer_profile": {"email": "ada@shopper.example"}}
LINK = {"orderId": "11111", "appClientId": "acme1230"}


def upstream(request: UpstreamRequest) -> Exchange:
    """As much of Richpanel as a dialogue needs to go on."""
    if request.target.startswith("/tickets/"):
        return ok({"ticket": TICKET})
    return ok(LINK if request.target.startswith("/order/") else {})


def sent(tool: Tool, arguments: Mapping[str, Any]) -> list[UpstreamRequest]:
    """The requests of one call, in order; those of one round follow one another."""
    steps = tool.steps(arguments, NOON)
    requests: list[UpstreamRequest] = []
    try:
        together = next(steps)
        while True:
            requests += together
            together = steps.send(tuple(map(upstream, together)))
    except StopIteration:
        return requests


def shown(request: UpstreamRequest) -> dict[str, Any]:
    """A request as the document has it: a form by its parts, its boundary left out."""
    wire: dict[str, Any] = {"method": request.method, "target": request.target}
    if request.body is None:
        return wire
    media_type = request.content_type.partition(";")[0]
    if media_type == "application/json":
        return {**wire, "content_type": media_type, "body": orjson.loads(request.body)}
    parts = by_python_multipart(request.content_type, request.body)
    return {**wire, "content_type": media_type, "body": [{**about, "bytes": len(held)} for about, held in parts]}


def test_requests_of_all_examples_are_the_expected_document(richpanel: Integration) -> None:
    found = {
        tool.name: [
            {"arguments": example.arguments, "requests": [*map(shown, sent(tool, example.arguments))]}
            for example in tool.examples
        ]
        for tool in richpanel.tools
    }
    if os.environ.get("UPDATE_DATA"):
        EXPECTED.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    assert found == orjson.loads(EXPECTED.read_bytes())


def test_example_sends_at_most_one_write_and_four_requests(richpanel: Integration) -> None:
    for tool in richpanel.tools:
        for example in tool.examples:
            requests = sent(tool, example.arguments)
            assert 1 <= len(requests) <= 4, tool.name
            assert sum(request.is_write for request in requests) == tool.is_write, tool.name
