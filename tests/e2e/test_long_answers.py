"""Answers larger than the budget: valid JSON under it, walked to the end by cursor, nothing lost and nothing twice."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.crowd import Crowd
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.support.gateways import running_gateway, settings_for

KEY = "rp_long_key_0001"
LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
CONTEXT = "get_richpanel_conversation_context"
BUDGET = 40_000
CONVERSATIONS = 300
WORDS = "Where is my parcel? " * 1_000
"""Makes a page of a hundred conversations larger than 2 MB."""


@pytest.fixture(scope="module")
async def simulator():
    state = SimulatorState(
        {KEY: "crowd1"}, quota=Quota(requests=10**9), crowd=Crowd(seed=7, conversations=CONVERSATIONS)
    )
    state.switches = replace(state.switches, list_comments="full")
    for ticket in state.tenants["crowd1"].tickets.values():
        ticket["comments"][0]["body"] = f"<p>{WORDS}</p>"
    return state


@pytest.fixture(scope="module")
async def gateway(stores, simulator):
    async with (
        running(create_simulator(simulator)) as url,
        running_gateway(settings_for(stores, richpanel_url=url, upstream_max_bytes=4 * 2**20)) as running_one,
    ):
        yield running_one


@pytest.fixture(scope="module")
async def server(gateway):
    return await gateway.server(api_key=KEY)


async def walked(gateway, server, tool, arguments):
    """Every page of a tool's answers."""
    pages: list[dict[str, Any]] = []
    cursor = None
    while True:
        more = arguments | ({"next_cursor": cursor} if cursor else {})
        result = await gateway.call(server.token, tool, more)
        assert not result["isError"], result["structuredContent"]
        page = result["structuredContent"]
        assert len(orjson.dumps(page).decode()) <= BUDGET
        assert json.loads(result["content"][0]["text"]) == page
        pages.append(page)
        cursor = page.get("next_cursor")
        if cursor is None:
            return pages


async def test_long_conversations_are_listed_within_the_budget_and_to_the_last_one(gateway, server, simulator):
    [tenant] = simulator.tenants.values()
    whole = sum(len(orjson.dumps(ticket)) for ticket in tenant.tickets.values())
    assert whole > 2_000_000 * CONVERSATIONS / 100
    pages = await walked(gateway, server, LIST, {"limit": 100})
    seen = [record["id"] for page in pages for record in page["result"]]
    assert len(seen) == len(set(seen)) == CONVERSATIONS
    assert set(seen) == set(tenant.tickets)
    assert any(page.get("truncated") for page in pages)


async def test_long_thread_is_read_from_its_newest_message_to_its_first(gateway, server, simulator):
    [tenant] = simulator.tenants.values()
    longest = max(tenant.tickets.values(), key=lambda ticket: len(ticket["comments"]))
    pages = await walked(gateway, server, GET, {"id": longest["id"]})
    assert len(pages) > 1
    assert pages[0]["result"]["comments"][-1]["id"] == longest["comments"][-1]["id"]
    in_order = [comment["id"] for page in reversed(pages) for comment in page["result"]["comments"]]
    assert in_order == [comment["id"] for comment in longest["comments"]]


async def test_context_of_a_long_thread_keeps_order_and_customer_whole(gateway, server, simulator):
    [tenant] = simulator.tenants.values()
    linked = [tenant.tickets[ident] for ident in tenant.order_links]
    longest = max(linked, key=lambda ticket: len(ticket["comments"]))
    pages = await walked(gateway, server, CONTEXT, {"id": longest["id"]})
    for page in pages:
        assert page["result"]["order"]["items"]
        assert page["result"]["conversation"]["id"] == longest["id"]
    shown = [comment["id"] for page in reversed(pages) for comment in page["result"]["conversation"]["comments"]]
    assert shown == [comment["id"] for comment in longest["comments"]]


async def test_fields_make_a_page_fit_that_does_not_otherwise(gateway, server):
    pages = await walked(gateway, server, LIST, {"limit": 100, "fields": ["subject", "status"]})
    assert [len(page["result"]) for page in pages] == [100, 100, 100]
    assert pages[0]["result"][0].keys() == {"id", "subject", "status"}
    assert "truncated" not in pages[0]


async def test_field_nobody_has_is_said(gateway, server):
    result = await gateway.call(server.token, LIST, {"limit": 1, "fields": ["subject", "colour"]})
    assert "colour" in result["structuredContent"]["notice"]


async def test_cursor_of_another_server_tool_or_arguments_is_a_tool_error_and_nothing_is_sent(
    gateway, server, simulator
):
    first = (await gateway.call(server.token, LIST, {"limit": 10}))["structuredContent"]["next_cursor"]
    other = await gateway.server(api_key=KEY, tenant_id=server.tenant_id)
    before = simulator.recorder.total
    altered = first[:-2] + ("AA" if first[-2:] != "AA" else "BB")
    for token, tool, arguments in (
        (other.token, LIST, {"next_cursor": first}),
        (server.token, LIST, {"next_cursor": first, "status": "OPEN"}),
        (server.token, LIST, {"next_cursor": altered}),
        (server.token, LIST, {"next_cursor": first, "limit": 11}),
        (server.token, "list_all_richpanel_users", {"next_cursor": first}),
        (server.token, GET, {"id": "x", "next_cursor": first}),
    ):
        result = await gateway.call(token, tool, arguments)
        assert result["structuredContent"]["error"]["type"] == "invalid_arguments", arguments
    assert simulator.recorder.total == before


async def test_answer_over_the_cap_names_a_smaller_limit(stores, simulator):
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(create_simulator(simulator)))
        settings = settings_for(stores, richpanel_url=url, upstream_max_bytes=64 * 1024)
        gateway = await stack.enter_async_context(running_gateway(settings))
        server = await gateway.server(api_key=KEY)
        error = (await gateway.call(server.token, LIST, {"limit": 100}))["structuredContent"]["error"]
        assert error["type"] == "upstream_too_large"
        assert "`limit` 25" in error["message"]


async def test_refusal_is_within_the_budget_however_much_is_wrong(gateway, server, simulator):
    faults = [{"param": "p" * 900, "msg": "m" * 900, "value": "v" * 900} for _ in range(60)]
    simulator.faults.add(ForcedAnswer(status=400, body=orjson.dumps({"errors": faults})))
    for arguments in ({"limit": 1}, {"limit": "many" * 9_000, **{f"a{n}" + "x" * 4_000: n for n in range(60)}}):
        result = await gateway.call(server.token, LIST, arguments)
        assert result["isError"]
        assert len(orjson.dumps(result["structuredContent"]).decode()) <= BUDGET
        error = result["structuredContent"]["error"]
        assert len(error["message"]) <= 2_000
        assert error["problems"]
