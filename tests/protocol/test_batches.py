"""Arrays of messages, which only 2025-03-26 (or a client that names no version) may send."""

import pytest

from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.exchange import MAX_BATCH
from tests.protocol.support import META, FakeHost, error_of, parsed, request, send

CALL = {"name": "get_order", "arguments": {}}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.mark.requirement("batch.accepted", "message.notification")
@pytest.mark.parametrize("headers", [{}, {"MCP-Protocol-Version": "2025-03-26"}])
async def test_batch_answers_each_request_in_order_and_no_notification(headers):
    host = FakeHost()
    batch = [
        request("ping", id="a"),
        NOTE,
        request("tools/call", CALL, id=2),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        request("tools/list", id=3),
    ]
    reply = await send(batch, headers, host)
    assert (reply.status, reply.headers) == (200, (("content-type", "application/json"),))
    assert [answer["id"] for answer in parsed(reply)] == ["a", 2, 3]
    assert len(host.calls) == 1


@pytest.mark.requirement("batch.silent")
async def test_batch_of_notifications_is_accepted_with_no_body():
    reply = await send([NOTE, NOTE])
    assert (reply.status, reply.body) == (202, b"")


@pytest.mark.requirement("batch.refused", "transport.one-message")
@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28", "2099-01-01"])
async def test_batch_under_any_other_version_is_refused(version):
    assert error_of(await send([request("ping")], {"MCP-Protocol-Version": version})) == (400, -32600)


@pytest.mark.parametrize(
    "headers", [{}, {"MCP-Protocol-Version": "2025-03-26"}, {"MCP-Protocol-Version": "2026-07-28"}]
)
async def test_empty_batch_is_refused(headers):
    assert error_of(await send([], headers)) == (400, -32600)


async def test_batch_at_the_bound_is_answered_and_one_over_is_refused_whole():
    host = FakeHost()
    calls = [request("tools/call", CALL, id=n) for n in range(MAX_BATCH + 1)]
    assert error_of(await send(calls, host=host)) == (400, -32600)
    assert host.calls == []
    assert len(parsed(await send(calls[:-1], host=host))) == MAX_BATCH


@pytest.mark.requirement("batch.no-initialize")
async def test_bad_members_get_an_error_each_and_the_others_their_answer():
    batch = [1, [], {}, request("initialize", {"protocolVersion": "2025-03-26"}, id=5), request("nope", id=6)]
    answers = parsed(await send([*batch, request("ping", id=7)]))
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (None, -32600),
        (None, -32600),
        (None, -32600),
        (5, -32600),
        (6, -32601),
        (7, None),
    ]


async def test_member_that_speaks_the_modern_era_hears_about_its_missing_header():
    [answer] = parsed(await send([request("tools/list", {"_meta": META})]))
    assert answer["error"]["code"] == -32020


async def test_batch_is_200_and_tells_the_last_known_rate_limits():
    limited = ToolOutcome({"error": {}}, limits=RateLimits(limit=50, remaining=0), http_status=429)
    host = FakeHost({"first": ToolOutcome({}, limits=RateLimits(limit=50, remaining=1)), "second": limited})
    batch = [request("tools/call", {"name": name}) for name in ("first", "second")]
    reply = await send([*batch, request("ping")], host=host)
    assert reply.status == 200
    assert ("ratelimit-remaining", "0") in reply.headers
    assert ("ratelimit-remaining", "1") not in reply.headers


@pytest.mark.requirement("batch.silent")
async def test_batch_of_responses_is_accepted_with_no_body():
    reply = await send([{"jsonrpc": "2.0", "id": 1, "result": {}}, {"jsonrpc": "2.0", "id": 2, "result": {}}, NOTE])
    assert (reply.status, reply.body) == (202, b"")
