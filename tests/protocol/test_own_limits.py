"""A limit of the gateway's own in the protocol: 429 for what is no tool call, and a second item in the headers."""

import orjson
import pytest

from mcp_gateway.kit.ratelimit import GATEWAY_TOKEN, Quota
from mcp_gateway.models.limits import RateLimits, Refusal
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.errors import LIMITED
from mcp_gateway.protocol.exchange import answer
from tests.protocol.support import LEGACY, META, MODERN, ORDER, FakeHost

QUOTA = Quota(GATEWAY_TOKEN, 60, 7, 41, 60)
REFUSAL = Refusal("This MCP server", 60, 41)


def message(method, params=None, request_id="a"):
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


async def asked(host, body, version):
    headers = [(b"mcp-protocol-version", version.encode())]
    if version == MODERN:
        headers.append((b"mcp-method", body["method"].encode()))
        body = {**body, "params": {**body["params"], "_meta": META}}
        if "name" in body["params"]:
            headers.append((b"mcp-name", body["params"]["name"].encode()))
    return await answer(headers, orjson.dumps(body), host)


@pytest.mark.parametrize("version", [MODERN, *LEGACY])
async def test_request_over_the_limit_is_429_with_its_id(version):
    reply = await asked(FakeHost(refusal=REFUSAL, own_quota=QUOTA), message("tools/list"), version)
    body = orjson.loads(reply.body)
    assert (reply.status, body["id"], body["error"]["code"]) == (429, "a", LIMITED)
    assert "60 requests per minute" in body["error"]["message"]
    headers = dict(reply.headers)
    assert headers["content-type"] == "application/json"
    assert headers["retry-after"] == "41"
    assert headers["ratelimit"] == '"gateway-token";r=7;t=41'
    assert headers["ratelimit-policy"] == '"gateway-token";q=60;w=60'


@pytest.mark.parametrize("version", [MODERN, LEGACY[0]])
async def test_tool_call_counts_itself(version):
    host = FakeHost(refusal=REFUSAL)
    reply = await asked(host, message("tools/call", {"name": "get_order", "arguments": {}}), version)
    assert (reply.status, len(host.calls)) == (200, 1)


async def test_method_that_is_not_there_and_a_notification_are_not_counted():
    host = FakeHost(refusal=REFUSAL)
    reply = await asked(host, message("resources/list"), LEGACY[0])
    assert orjson.loads(reply.body)["error"]["code"] == -32601
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await answer([], orjson.dumps(note), host)).status == 202


async def test_refused_members_of_a_batch_are_errors_beside_the_others():
    batch = [message("ping", request_id=1), message("tools/call", {"name": "get_order", "arguments": {}}, 2)]
    headers = [(b"mcp-protocol-version", b"2025-03-26")]
    reply = await answer(headers, orjson.dumps(batch), FakeHost(refusal=REFUSAL))
    first, second = orjson.loads(reply.body)
    assert (reply.status, first["error"]["code"], second["result"]["isError"]) == (200, LIMITED, False)


async def test_own_quota_stands_behind_upstreams_and_changes_nothing_of_it():
    limits = RateLimits(limit=50, remaining=49, reset_seconds=30, window_seconds=30)
    host = FakeHost(outcomes={"get_order": ToolOutcome(ORDER, limits=limits)}, own_quota=QUOTA)
    call = message("tools/call", {"name": "get_order", "arguments": {}})
    headers = dict((await asked(host, call, MODERN)).headers)
    assert headers["ratelimit"] == '"richpanel";r=49;t=30, "gateway-token";r=7;t=41'
    assert headers["ratelimit-policy"] == '"richpanel";q=50;w=30, "gateway-token";q=60;w=60'
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"], headers["ratelimit-reset"]) == (
        "50",
        "49",
        "30",
    )
    assert "retry-after" not in headers
