"""Progress reaches a client that asked for it, rises, and ends with the answer."""

import orjson
import pytest

from mcp_gateway.models.outcomes import ToolOutcome
from mcp_gateway.protocol.exchange import answer
from tests.protocol.support import LEGACY, META, ORDER, FakeHost, error_of, modern_headers, raw, request, send


class Reporting(FakeHost):
    """Reports some progress, late ones included."""

    async def call_tool(self, name, arguments, call):
        await super().call_tool(name, arguments, call)
        await call.progress.report(0, 100)
        await call.progress.report(50, 100, "half")
        await call.progress.report(50, 100)
        await call.progress.report(20)
        await call.progress.report(100, 100)
        return ToolOutcome(ORDER)


async def told(meta, headers, host=None):
    """What was sent ahead of the answer."""
    sent: list[bytes] = []

    async def notify(message: bytes) -> None:
        sent.append(message)

    body = orjson.dumps(request("tools/call", {"name": "get_order", "_meta": meta}))
    reply = await answer(raw(headers), body, host or Reporting(), notify)
    assert reply.status == 200
    return [orjson.loads(message) for message in sent]


@pytest.mark.requirement("progress.rises", "progress.asked")
@pytest.mark.parametrize("token", ["abc", 7, 0, ""])
async def test_reports_rise_and_carry_the_clients_token(token):
    notifications = await told({**META, "progressToken": token}, modern_headers("tools/call", "get_order"))
    assert {one["method"] for one in notifications} == {"notifications/progress"}
    assert [one["params"] for one in notifications] == [
        {"progressToken": token, "progress": 0, "total": 100},
        {"progressToken": token, "progress": 50, "total": 100, "message": "half"},
        {"progressToken": token, "progress": 100, "total": 100},
    ]


@pytest.mark.parametrize("version", LEGACY)
async def test_reports_are_the_same_in_the_handshake_era(version):
    assert len(await told({"progressToken": 1}, {"MCP-Protocol-Version": version})) == 3


@pytest.mark.requirement("progress.asked")
@pytest.mark.parametrize("meta", [{}, {"progressToken": None}])
async def test_nothing_is_told_to_a_client_that_did_not_ask(meta):
    assert await told(meta, {}) == []


@pytest.mark.requirement("progress.token")
@pytest.mark.parametrize("token", [True, 1.5, [], {}, "x" * 257])
async def test_token_of_another_type_is_invalid_params(token):
    host = FakeHost()
    message = request("tools/call", {"name": "get_order", "_meta": {"progressToken": token}})
    assert error_of(await send(message, host=host)) == (200, -32602)
    assert host.calls == []


@pytest.mark.requirement("progress.stops")
async def test_nothing_is_told_after_the_answer():
    host = FakeHost()
    assert await told({"progressToken": 1}, {}, host) == []
    progress = host.calls[0][2].progress
    assert not progress.is_wanted
    await progress.report(1)


async def test_report_without_anywhere_to_send_it_is_no_error():
    assert (await send(request("tools/call", {"name": "get_order", "_meta": {"progressToken": 1}}))).status == 200
    reply = await send(request("tools/call", {"name": "get_order", "_meta": {"progressToken": 1}}), host=Reporting())
    assert reply.status == 200
