import httpx
import pytest

from richpanel_sim.app import create_app
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.server import listen, running
from richpanel_sim.switches import Switches
from tests.simulator.support import KEY, connect, send_raw, ticket_path


@pytest.fixture
async def url(state):
    async with running(create_app(state)) as served:
        yield served


async def test_served_app_answers_on_the_port_it_reports(url):
    async with httpx.AsyncClient(base_url=url, headers={"x-richpanel-key": KEY}, trust_env=False) as client:
        answer = await client.get("/tickets", params={"per_page": 1})
    assert answer.json()["next_page"] == f"{url}/tickets?per_page=1&page=2"


async def test_target_is_recorded_as_it_stood_on_the_request_line(url, state):
    target = "/v1/tickets/%3cM%40x%3E%2F..%2f?x=%20+&&y"
    assert (await send_raw(url, "GET", target))[0] == 404
    assert state.recorder.requests[0].target == target.encode()


async def test_write_with_a_raw_id_answers_200_and_applies_nothing(url, state):
    ticket = state.tenant_for(KEY).newest_open()[0]
    for tail, body in (("", {"ticket": {"status": "CLOSED"}}), ("/add-tags", {"tags": ["vip"]})):
        assert (await send_raw(url, "PUT", f"/v1/tickets/{ticket['id']}{tail}", body))[0] == 200
    assert (ticket["status"], ticket["tags"]) == ("OPEN", ["where-is-my-order"])


async def test_raw_id_is_read_and_is_written_with_the_switch_off(url, state):
    ticket = state.tenant_for(KEY).newest_open()[0]
    assert (await send_raw(url, "GET", f"/v1/tickets/{ticket['id']}"))[0] == 200
    state.switches = Switches(unencoded_id_silent_noop=False)
    await send_raw(url, "PUT", f"/v1/tickets/{ticket['id']}", {"ticket": {"status": "CLOSED"}})
    assert ticket["status"] == "CLOSED"


async def test_raw_question_mark_ends_the_path(url):
    status, body = await send_raw(url, "GET", "/v1/tickets/?x=1")
    assert (status, body) == (403, {"message": "Missing Authentication Token"})


async def test_dropped_connection_ends_without_a_byte_and_the_next_one_works(url, state):
    state.faults.add(ForcedAnswer(kind="drop"))
    assert await send_raw(url, "GET", "/v1/teams") == (0, None)
    assert (await send_raw(url, "GET", "/v1/teams"))[0] == 200
    assert state.recorder.by_status == {"dropped": 1, "200": 1}


async def test_drop_after_effect_keeps_the_write(url, state):
    ticket = state.tenant_for(KEY).newest_open()[0]
    state.faults.add(ForcedAnswer(kind="drop", after_effect=True))
    body = {"ticket": {"comment": {"body": "once", "public": False}}}
    assert await send_raw(url, "PUT", f"/v1{ticket_path(ticket['id'])}", body) == (0, None)
    assert [comment["plain_body"] for comment in ticket["comments"][1:]] == ["once"]


async def test_body_over_the_limit_is_413(state):
    async with connect(state) as client:
        answer = await client.put(ticket_path("x"), content=b" " * (10 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})


async def test_taken_port_is_an_error():
    bound, url = listen("127.0.0.1", 0)
    with bound, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", int(url.split(":")[2].removesuffix("/v1")))
