"""Every tool of the catalog against every switch and every fault of the simulator: whatever Richpanel turns out to do,
a tool answers with a result or a typed error, and no write is ever seen twice."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
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
from tests.support.gateways import Gateway, Stores, running_gateway, settings_for

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
NOBODY = "<nobody+x@mail.example>"
ABSENT: list[tuple[str, dict[str, Any]]] = [
    ("get_single_richpanel_conversation_by_id", {"id": NOBODY}),
    ("get_single_richpanel_conversation_by_id", {"id": "999999"}),
    ("get_single_richpanel_conversation_by_number", {"conversation_no": "999999"}),
    ("get_richpanel_conversation_context", {"id": NOBODY}),
    ("get_single_richpanel_order_by_id", {"appclient_id": "fernhollow4170", "id": "none"}),
    ("get_single_richpanel_customer_by_id", {"type": "email", "value": "nobody@mail.example"}),
    ("get_single_richpanel_user_by_id", {"id": "none"}),
    ("get_single_richpanel_channel_by_id", {"id": "none"}),
    ("update_a_richpanel_conversation_by_id", {"id": NOBODY, "status": "CLOSED", "verify": True}),
    ("update_a_richpanel_conversation_by_id", {"id": "999999", "status": "CLOSED"}),
    ("create_a_richpanel_conversation_tag", {"conversation_id": NOBODY, "tags": ["vip"]}),
    ("delete_a_richpanel_conversation_tag_by_id", {"conversation_id": NOBODY, "tags": ["vip"]}),
    ("create_a_richpanel_conversation_message", {"conversation_id": NOBODY, "body": "On its way."}),
]
"""Right calls for what does not exist."""
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
            page = await self.page(tool, {**arguments, **cursor})
            idents += [record["id"] for record in page["result"]]
            if page["next_cursor"] is None:
                return idents
            cursor = {"next_cursor": page["next_cursor"]}
        raise AssertionError(f"{tool} {arguments} does not end: {idents}")

    async def page(self, tool: str, arguments) -> dict[str, Any]:
        """A success."""
        result = await self._gateway.call(self._token, tool, arguments)
        page: dict[str, Any] = result["structuredContent"]
        assert not result["isError"], (tool, page)
        return page

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


@contextlib.asynccontextmanager
async def _matrix(stores: Stores, *, api_key: str = KEY, **settings: Any) -> AsyncIterator[Matrix]:
    simulator = SimulatorState({KEY: "fernhollow417"}, quota=Quota(requests=10**9))
    async with running(create_simulator(simulator)) as url:
        all_settings = settings_for(stores, richpanel_url=url, upstream_max_bytes=1024 * 1024, **settings)
        async with running_gateway(all_settings) as gateway:
            # Each cell makes the same calls again, and means it.
            server = await gateway.server({"duplicate_window_seconds": 0}, api_key=api_key)
            yield Matrix(gateway, simulator, server.token)


@pytest.fixture(scope="module")
async def matrix(stores: Stores) -> AsyncIterator[Matrix]:
    async with _matrix(stores) as one:
        yield one


@pytest.fixture(scope="module")
async def hurried(stores: Stores) -> AsyncIterator[Matrix]:
    """Its calls end after half a second."""
    async with _matrix(stores, upstream_timeout_seconds=SHORT_DEADLINE_SECONDS) as one:
        yield one


@pytest.fixture(scope="module")
async def gateway_of_a_wrong_key(stores: Stores) -> AsyncIterator[Matrix]:
    async with _matrix(stores, api_key="rp_nobodys_key_0001") as one:
        yield one


@pytest.fixture(scope="module")
async def matrix_of_little_room(stores: Stores) -> AsyncIterator[Matrix]:
    async with _matrix(stores, result_max_characters=4_000) as one:
        yield one


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


@pytest.mark.parametrize("shape", values_of(CHOICES["error_shape"]))
@pytest.mark.parametrize("status", values_of(CHOICES["ticket_not_found_status"]))
async def test_what_nobody_has_is_not_found_in_every_shape_of_refusal(matrix, shape, status):
    kinds = {"error_shape": shape, "ticket_not_found_status": status, "order_not_found": str(status)}
    matrix.renew(Switches().altered(kinds))
    for tool, arguments in ABSENT:
        assert await matrix.call(tool, arguments) == "not_found", tool
    matrix.check_writes()


@pytest.mark.parametrize("shape", values_of(CHOICES["error_shape"]))
async def test_wrong_key_is_told_as_one_by_every_tool(gateway_of_a_wrong_key, shape):
    for status in values_of(CHOICES["bad_key_status"]):
        gateway_of_a_wrong_key.renew(Switches().altered({"error_shape": shape, "bad_key_status": status}))
        for tool, arguments in calls(gateway_of_a_wrong_key.simulator):
            assert await gateway_of_a_wrong_key.call(tool, arguments) == "upstream_auth", tool


async def test_conversations_closed_while_they_are_read_hide_no_other_from_the_walk(matrix_of_little_room):
    matrix = matrix_of_little_room
    matrix.renew()
    [tenant] = matrix.simulator.tenants.values()
    waiting = {ticket["id"] for ticket in tenant.newest_open()}
    seen: set[str] = set()
    cursor: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        page = await matrix.page("list_all_richpanel_conversations", {"status": "OPEN", "limit": 100, **cursor})
        for record in page["result"]:
            seen.add(record["id"])
            await matrix.call("update_a_richpanel_conversation_by_id", {"id": record["id"], "status": "CLOSED"})
        if page["next_cursor"] is None:
            break
        cursor = {"next_cursor": page["next_cursor"]}
    assert cursor
    assert seen == waiting


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
