import subprocess
import sys

import httpx
import pytest

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.dev.mcp_client import ToolAnswer
from mcp_gateway.dev.processes import KeptProcess, Launch, ready_url
from mcp_gateway.dev.workflows import (
    READ,
    TAG,
    UPDATE,
    Agent,
    WorkflowError,
    customer_words,
    escalate_alarming,
    note_about,
    track_parcel,
)
from mcp_gateway.models.upstream import UpstreamResponse

KEY = "rp_tests_of_the_demo"


class CatalogTools:
    """Plays the gateway between demo and simulator: catalog in front, httpx behind."""

    def __init__(self, client):
        self._client = client
        self._tools = load_catalog().integrations["richpanel"].by_name

    def call_tool(self, name, arguments):
        tool = self._tools[name]
        assert tool.validate(arguments) == ()
        request = tool.build_request(arguments)
        response = self._client.request(
            request.method, request.target, content=request.body, headers={"content-type": "application/json"}
        )
        outcome = tool.shape(
            UpstreamResponse(response.status_code, dict(response.headers), response.content), arguments
        )
        return ToolAnswer(dict(outcome.structured), outcome.error is not None, 0.0)


class Without:
    """Tools of which one says it worked and did nothing."""

    def __init__(self, tools, name):
        self._tools = tools
        self._name = name

    def call_tool(self, name, arguments):
        return (
            ToolAnswer({"result": {}}, is_error=False, milliseconds=0)
            if name == self._name
            else self._tools.call_tool(name, arguments)
        )


@pytest.fixture(scope="session")
def simulator():
    command = [
        sys.executable,
        "-m",
        "richpanel_sim",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--key",
        KEY,
        "--limit",
        "10000",
    ]
    with KeptProcess(Launch(command, output=subprocess.PIPE)) as process:
        yield ready_url(process, 30)


@pytest.fixture
def tools(simulator):
    with httpx.Client(base_url=simulator, headers={"x-richpanel-key": KEY}, trust_env=False) as client:
        client.post(simulator.removesuffix("/v1") + "/_sim/reset")
        yield CatalogTools(client)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def agent(tools, calls):
    return Agent(tools, lambda name, arguments, _: calls.append((name, arguments)))


def test_the_parcel_is_tracked_and_the_note_is_internal(agent, tools, calls):
    conversation = track_parcel(agent)
    comments = tools.call_tool(READ, {"id": conversation}).result["comments"]
    assert "tracking number" in comments[-1]["plain_body"]
    assert comments[-1]["public"] is False
    assert [name for name, _ in calls].count(UPDATE) == 1


def test_alarming_conversations_are_tagged_and_raised(agent, tools):
    escalated = escalate_alarming(agent)
    assert len(escalated) >= 3
    for conversation in escalated:
        ticket = tools.call_tool(READ, {"id": conversation}).result
        assert "escalated" in ticket["tags"]
        assert ticket["priority"] == "HIGH"


def test_calm_conversations_are_left_alone(agent, calls):
    escalated = escalate_alarming(agent)
    assert {
        arguments.get("id") or arguments["conversation_id"] for name, arguments in calls if name in {TAG, UPDATE}
    } == set(escalated)


def test_a_note_that_was_not_kept_fails_the_play(tools):
    with pytest.raises(WorkflowError, match="note"):
        track_parcel(Agent(Without(tools, UPDATE), lambda *_: None))


@pytest.mark.parametrize("lost", [TAG, UPDATE])
def test_an_effect_that_did_not_happen_fails_the_play(tools, lost):
    with pytest.raises(WorkflowError, match="not escalated"):
        escalate_alarming(Agent(Without(tools, lost), lambda *_: None))


class Answers:
    """Tools that give these answers, one after the other."""

    def __init__(self, *answers):
        self._answers = list(answers)

    def call_tool(self, _name, _arguments):
        return self._answers.pop(0)


LIMITED = ToolAnswer({"error": {"type": "rate_limited", "retry_after_seconds": 7}}, is_error=True, milliseconds=0)
DONE = ToolAnswer({"result": {"id": "x"}}, is_error=False, milliseconds=0)
REFUSED = ToolAnswer({"error": {"type": "not_found", "message": "no such"}}, is_error=True, milliseconds=0)


def test_a_rate_limit_is_waited_out_as_long_as_it_says():
    pauses: list[float] = []
    agent = Agent(Answers(LIMITED, LIMITED, DONE), lambda *_: None, pauses.append)
    assert agent.use(READ, id="x") == {"id": "x"}
    assert pauses == [7, 7]


def test_a_rate_limit_that_stays_is_given_up():
    pauses: list[float] = []
    agent = Agent(Answers(*[LIMITED] * 4), lambda *_: None, pauses.append)
    with pytest.raises(WorkflowError, match="rate_limited"):
        agent.use(READ, id="x")
    assert pauses == [7, 7, 7]


def test_another_error_is_not_waited_for():
    pauses: list[float] = []
    agent = Agent(Answers(REFUSED), lambda *_: None, pauses.append)
    with pytest.raises(WorkflowError, match="no such"):
        agent.use(READ, id="x")
    assert pauses == []


def test_an_order_without_tracking_gives_no_note():
    with pytest.raises(WorkflowError, match="tracking"):
        note_about({"orderId": "1", "fulfillment": [{"status": "in_transit", "tracking": [{}]}]})


def test_our_own_words_are_not_the_customers():
    comments = [{"body": "<p>thanks &amp; bye</p>"}, {"plain_body": "you can cancel", "is_operator": True}]
    assert customer_words({"subject": None, "comments": comments}).strip() == "thanks & bye"
