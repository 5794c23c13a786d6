"""What a tool outcome comes to on the wire."""

import orjson
import pytest
from mcp_types import CallToolResult

from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.protocol.exchange import internal_error_reply
from mcp_gateway.protocol.reply import error_reply
from tests.protocol.support import ORDER, FakeHost, parsed, request, send, send_modern

WAIT = "Richpanel's limit is used up; try again in 12 seconds."
LIMITS = RateLimits(limit=50, remaining=0, reset_seconds=12, retry_after_seconds=12, window_seconds=30)
LIMITED = ToolOutcome.from_error(
    ToolError(ErrorType.RATE_LIMITED, "upstream", WAIT, 429, {"retry_after_seconds": 12}), LIMITS
)
SENDERS = pytest.mark.parametrize("call", [send_modern, lambda *args: send(request(*args[:2]), host=args[2])])


def host_with(outcome):
    return FakeHost({"t": outcome})


@pytest.mark.requirement("tools.output-text")
@SENDERS
async def test_success_is_structure_and_the_same_json_as_text(call):
    result = parsed(await call("tools/call", {"name": "t"}, host_with(ToolOutcome(ORDER))))["result"]
    CallToolResult.model_validate(result)
    assert result["structuredContent"] == ORDER
    assert result["isError"] is False
    [block] = result["content"]
    assert block["type"] == "text"
    assert orjson.loads(block["text"]) == ORDER


@pytest.mark.requirement("tools.execution-errors")
@SENDERS
async def test_error_adds_its_sentence_and_stays_200(call):
    reply = await call("tools/call", {"name": "t"}, host_with(LIMITED))
    result = parsed(reply)["result"]
    CallToolResult.model_validate(result)
    assert reply.status == 200
    assert result["isError"] is True
    assert result["structuredContent"]["error"] == {
        "type": "rate_limited",
        "origin": "upstream",
        "status": 429,
        "message": WAIT,
        "retry_after_seconds": 12,
    }
    structure, sentence = (block["text"] for block in result["content"])
    assert orjson.loads(structure) == result["structuredContent"]
    assert sentence == WAIT


@SENDERS
async def test_rate_limits_become_headers_beside_the_content_type(call):
    reply = await call("tools/call", {"name": "t"}, host_with(LIMITED))
    headers = dict(reply.headers)
    assert headers["content-type"] == "application/json"
    assert headers["retry-after"] == "12"
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"], headers["ratelimit-reset"]) == ("50", "0", "12")


@SENDERS
async def test_success_that_told_its_limits_has_the_headers_but_no_retry_after(call):
    reply = await call(
        "tools/call", {"name": "t"}, host_with(ToolOutcome(ORDER, limits=RateLimits(limit=50, remaining=49)))
    )
    assert dict(reply.headers)["ratelimit-remaining"] == "49"
    assert "retry-after" not in dict(reply.headers)


@SENDERS
async def test_http_429_travels_with_the_same_body(call):
    plain = await call("tools/call", {"name": "t"}, host_with(LIMITED))
    http_429 = ToolOutcome(LIMITED.structured, LIMITED.error, LIMITS, http_status=429)
    reply = await call("tools/call", {"name": "t"}, host_with(http_429))
    assert (reply.status, reply.headers, reply.body) == (429, plain.headers, plain.body)


def test_internal_error_echoes_the_id_with_200():
    reply = internal_error_reply(b'{"jsonrpc":"2.0","id":"q","method":"tools/call"}')
    assert reply.status == 200
    assert parsed(reply) == {"jsonrpc": "2.0", "id": "q", "error": {"code": -32603, "message": "Internal error."}}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id":null}', b'{"id":true}', b"{"])
def test_internal_error_without_a_readable_id_has_null(body):
    assert parsed(internal_error_reply(body))["id"] is None


def test_error_reply_takes_status_and_headers_from_the_http_layer():
    reply = error_reply(401, -32600, "An API token is needed.", headers=(("www-authenticate", "Bearer"),))
    assert reply.status == 401
    assert reply.headers == (("content-type", "application/json"), ("www-authenticate", "Bearer"))
    assert parsed(reply) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": "An API token is needed."},
    }
