"""Every tool of the catalog against every switch and every fault of the simulator: whatever Richpanel turns out to do,
a tool answers with a result or a typed error, and no write is ever seen twice."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.models.outcomes import ErrorType
from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.choices import Number, OneOf
from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from richpanel_sim.switches import CHOICES, Switches
from tests.e2e.everyday import calls
from tests.support.gateways import Gateway, running_gateway, settings_for

KEY = "rp_matrix_key_0001"
TOOLS = {tool.name: tool for tool in load_catalog().integrations["richpanel"].tools}
QUICK_KINDS = [kind for kind in KINDS if kind not in {"answer", "slow", "drip", "hang", "rate_limited"}]
SLOW_KINDS = ["slow", "drip", "hang"]
EXAMPLES = [
    "list_all_richpanel_conversations",
    "get_richpanel_conversation_context",
    "update_a_richpanel_conversation_by_id",
    "create_a_richpanel_conversation_message",
]
"""A list, a composite tool, a write after a look-up, and a write that must not happen twice."""
READING = [
    *("ticket_key", "user_key", "team_key", "tag_key", "channel_key", "empty_list", "list_count", "next_page"),
    *("default_per_page", "oversized_page", "default_order", "directory_paging", "list_comments", "extra_fields"),
    *("by_customer_envelope", "by_customer_paging", "comment_order"),
]
"""Switches that say how lists are read."""
HIDING = {("by_customer_envelope", "ticket")}
"""Values with which Richpanel does not give all records out."""
MOST_PAGES = 30
SHORT_DEADLINE_SECONDS = 0.5
"""For upstreams that never finish. All others have the default, which a busy machine does not exceed."""
OURS = {ErrorType.INTERNAL, ErrorType.INVALID_ARGUMENTS, ErrorType.TOOL_UNAVAILABLE}
"""Types that would mean that the gateway failed at a right call."""


class Matrix:
    """One gateway and one simulator, made new for each cell."""

    def __init__(self, gateway: Gateway, simulator: SimulatorState, token: str) -> None:
        self._gateway = gateway
        self.simulator = simulator
        self._token = token

    def renew(self, switches: Switches | None = None) -> None:
        self.simulator.reset()
        self.simulator.switches = switches or Switches()

    async def walk(self, tool: str, arguments) -> list[str]:
        """The ids of a list, from its first page to its last."""
        idents: list[str] = []
        cursor: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            result = await self._gateway.call(self._token, tool, {**arguments, **cursor})
            page = result["structuredContent"]
            assert not result["isError"], (tool, page)
            idents += [record["id"] for record in page["result"]]
            if page["next_cursor"] is None:
                return idents
            cursor = {"next_cursor": page["next_cursor"]}
        raise AssertionError(f"{tool} {arguments} does not end: {idents}")

    async def call(self, tool: str, arguments) -> str:
        """`ok`, or the error's type; a tool error that is ours fails the test."""
        result = await self._gateway.call(self._token, tool, arguments)
        if not result["isError"]:
            return "ok"
        error = result["structuredContent"]["error"]
        assert error["type"] not in OURS, (tool, error)
        assert error["message"]
        return str(error["type"])

    def check_writes(self) -> None:
        """No write of ours arrived twice."""
        twice = {write: times for write, times in self.simulator.recorder.writes.items() if times > 1}
        assert not twice


@pytest.fixture(scope="module")
async def matrix(stores) -> AsyncIterator[Matrix]:
    async with running_matrix(stores) as one:
        yield one


@pytest.fixture(scope="module")
async def hurried(stores) -> AsyncIterator[Matrix]:
    """Its calls end after half a second."""
    async with running_matrix(stores, upstream_timeout_seconds=SHORT_DEADLINE_SECONDS) as one:
        yield one


@asynccontextmanager
async def running_matrix(stores, **overrides) -> AsyncIterator[Matrix]:
    simulator = SimulatorState({KEY: "fernhollow417"}, quota=Quota(requests=10**9))
    async with running(create_simulator(simulator)) as url:
        settings = settings_for(stores, richpanel_url=url, upstream_max_bytes=1024 * 1024, **overrides)
        async with running_gateway(settings) as gateway:
            # Each cell makes the same calls again, and means it.
            server = await gateway.server({"duplicate_window_seconds": 0}, api_key=KEY)
            yield Matrix(gateway, simulator, server.token)


def values_of(choices: OneOf | Number) -> Sequence[Any]:
    """What a switch is tried with: all its values, or the ends of its range."""
    return choices.values if isinstance(choices, OneOf) else (choices.lowest, choices.highest)


async def test_every_tool_has_an_everyday_call_and_each_succeeds(matrix):
    matrix.renew()
    found = {tool: await matrix.call(tool, arguments) for tool, arguments in calls(matrix.simulator)}
    assert found.keys() == TOOLS.keys()
    assert set(found.values()) == {"ok"}
    matrix.check_writes()


@pytest.mark.parametrize("name", CHOICES)
async def test_no_tool_breaks_on_any_value_of_a_switch(matrix, name):
    for value in values_of(CHOICES[name]):
        matrix.renew(Switches().altered({name: value}))
        for tool, arguments in calls(matrix.simulator):
            await matrix.call(tool, arguments)
        matrix.check_writes()


@pytest.mark.parametrize("name", READING)
async def test_every_list_is_walked_to_its_last_record_on_any_value_of_a_switch(matrix, name):
    for value in values_of(CHOICES[name]):
        matrix.renew(Switches().altered({name: value}))
        for tool, arguments, idents in lists(matrix.simulator):
            # A page of all there is looks like one of many; that of one record less has another behind it.
            for limit in {len(idents), len(idents) - 1}:
                found = await matrix.walk(tool, {**arguments, "limit": limit})
                assert len(found) == len(set(found)), (tool, value, limit)
                # Some values hide records of the API itself; none may be lost on the way.
                assert set(found) == idents or (name, value) in HIDING, (tool, value, limit)


@pytest.mark.parametrize("kind", QUICK_KINDS)
async def test_no_tool_breaks_on_a_fault_and_no_write_is_sent_again(matrix, kind):
    matrix.renew()
    for tool, arguments in calls(matrix.simulator):
        matrix.simulator.faults.add(ForcedAnswer(kind=kind, size=2 * 1024 * 1024))
        found = await matrix.call(tool, arguments)
        matrix.simulator.faults.reset()
        assert found in expected(kind, is_write=TOOLS[tool].is_write), (tool, found)
    matrix.check_writes()


@pytest.mark.parametrize("kind", SLOW_KINDS)
@pytest.mark.parametrize("name", EXAMPLES)
async def test_slow_answer_ends_by_the_deadline(hurried, kind, name):
    hurried.renew()
    [arguments] = [arguments for tool, arguments in calls(hurried.simulator) if tool == name]
    hurried.simulator.faults.add(ForcedAnswer(kind=kind, seconds=60, after_effect=True))
    assert await hurried.call(name, arguments) in {"upstream_timeout", "outcome_unknown"}
    hurried.simulator.faults.reset()
    hurried.check_writes()


@pytest.mark.parametrize("dress", DRESSES)
async def test_429_in_every_dress_is_a_rate_limit_told_once(matrix, dress):
    for name in EXAMPLES:
        matrix.renew()
        [arguments] = [arguments for tool, arguments in calls(matrix.simulator) if tool == name]
        matrix.simulator.faults.add(ForcedAnswer(kind="rate_limited", dress=dress))
        assert await matrix.call(name, arguments) == "rate_limited"
        matrix.check_writes()


def lists(simulator: SimulatorState) -> list[tuple[str, dict[str, Any], set[str]]]:
    """Every list with pages, and the ids it has."""
    [tenant] = simulator.tenants.values()
    addresses = Counter(ticket["customer_profile"].get("email") for ticket in tenant.tickets.values())
    [(email, _)] = addresses.most_common(1)
    theirs = {i for i, ticket in tenant.tickets.items() if ticket["customer_profile"].get("email") == email}
    assert len(theirs) > 1
    return [
        ("list_all_richpanel_conversations", {}, set(tenant.tickets)),
        ("list_all_richpanel_customer_conversations", {"type": "email", "value": email}, theirs),
        ("list_all_richpanel_users", {}, {user["id"] for user in tenant.users}),
        ("list_all_richpanel_teams", {}, {team["id"] for team in tenant.teams}),
        ("list_all_richpanel_tags", {}, {tag["id"] for tag in tenant.tags}),
        ("list_all_richpanel_channels", {}, {channel["id"] for channel in tenant.channels}),
    ]


def expected(kind: str, *, is_write: bool) -> set[str]:
    """What a fault of the first request may come to.

    A write whose number is looked up first suffers it in the look-up, so it may come to what a read would.
    """
    reads = {
        "server_error": {"upstream_error"},
        "gateway_timeout": {"upstream_error"},
        "array": {"ok", "upstream_bad_response", "not_found"},
        "huge": {"upstream_too_large"},
        "drop": {"upstream_bad_response", "upstream_unreachable"},
        "reset_before_reading": {"upstream_bad_response", "upstream_unreachable"},
    }.get(kind, {"upstream_bad_response"})
    # What is accepted is no error, however unreadable the receipt.
    return reads | ({"outcome_unknown", "ok", "upstream_error"} if is_write else set())
