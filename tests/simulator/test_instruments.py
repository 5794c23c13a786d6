import httpx
import pytest

from richpanel_sim.app import create_app
from richpanel_sim.asgi import ConnectionDroppedError
from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.recorder import RecordedRequest, Recorder
from tests.simulator.support import KEY, TENANT, ticket_path

SIM = "http://sim.example/_sim"


async def test_arrivals_are_recorded_byte_for_byte(state, client):
    await client.put(
        "/tickets/%3Ca%2Fb%3E?x=%41", content=b'{"ticket": {}}', headers={"content-type": "application/json"}
    )
    [record] = state.recorder.requests
    assert (record.method, record.target) == ("PUT", b"/v1/tickets/%3Ca%2Fb%3E?x=%41")
    assert (record.body, record.status, record.tenant) == (b'{"ticket": {}}', 404, TENANT)
    assert record.header("X-Richpanel-Key") == KEY


async def test_records_and_counts_are_shown_to_other_processes(client):
    await client.get("/teams")
    await client.get("/nowhere")
    await client.put(ticket_path("nobody"), json={"ticket": {"subject": "ü"}})
    shown = (await client.get(f"{SIM}/requests")).json()
    assert (shown["total"], shown["by_method"]) == (3, {"GET": 2, "PUT": 1})
    assert shown["by_status"] == {"200": 1, "403": 1, "404": 1}
    assert shown["by_tenant"] == {TENANT: 3}
    assert shown["requests"][2]["body"] == '{"ticket":{"subject":"ü"}}'


async def test_records_can_be_chosen(client):
    await client.get("/teams")
    await client.get("/tickets?status=OPEN")
    chosen = (await client.get(f"{SIM}/requests", params={"method": "GET", "target": "/v1/tickets"})).json()
    assert (chosen["total"], chosen["matched"]) == (2, 1)
    assert chosen["requests"][0]["target"] == "/v1/tickets?status=OPEN"


def test_recorder_forgets_the_oldest_but_keeps_counting(clock):
    recorder = Recorder(capacity=2)
    for _ in range(3):
        number = recorder.begin(RecordedRequest(0, clock.now(), "GET", b"/v1/x", (), b"", None))
        recorder.finish(number, 200)
    assert recorder.total == recorder.by_status["200"] == 3
    assert [record.number for record in recorder.requests] == [2, 3]


async def test_forced_answers_come_as_told_and_then_stop(state, client):
    fault = {
        "status": 429,
        "headers": {"Retry-After": "7", "X-Dup": ["a", "b"]},
        "body": {"message": "slow"},
        "times": 2,
    }
    assert (await client.post(f"{SIM}/faults", json=fault)).json() == {"waiting": 2}
    for _ in range(2):
        answer = await client.get("/teams")
        assert (answer.status_code, answer.json()) == (429, {"message": "slow"})
        assert answer.headers["retry-after"] == "7"
        assert answer.headers.get_list("x-dup") == ["a", "b"]
        assert "x-ratelimit-limit" not in answer.headers
    assert (await client.get("/teams")).headers["x-ratelimit-remaining"] == "49"
    assert state.recorder.by_status == {"429": 2, "200": 1}


async def test_faults_wait_for_the_requests_they_are_meant_for(client):
    await client.post(f"{SIM}/faults", json=[{"status": 503, "method": "PUT"}, {"status": 502, "path": "/v1/tags"}])
    assert (await client.get("/teams")).status_code == 200
    assert (await client.get("/tags")).status_code == 502
    assert (await client.put(ticket_path("nobody"), json={"ticket": {}})).status_code == 503


async def test_fault_after_effect_loses_the_answer_but_not_the_write(state, client):
    ticket = state.tenant_for(KEY).newest_open()[0]
    lost = {"status": 504, "body": {"message": "Endpoint request timed out"}, "after_effect": True}
    await client.post(f"{SIM}/faults", json={**lost, "rate_limit_headers": True})
    answer = await client.put(ticket_path(ticket["id"]), json={"ticket": {"status": "CLOSED"}})
    assert (answer.status_code, ticket["status"]) == (504, "CLOSED")
    assert answer.headers["x-ratelimit-remaining"] == "49"


async def test_text_bodies_are_forced_as_they_are(client):
    page = {"status": 502, "headers": {"content-type": "text/html"}, "body": "<h1>Bad gateway</h1>"}
    await client.post(f"{SIM}/faults", json=page)
    answer = await client.get("/teams")
    assert (answer.headers["content-type"], answer.text) == ("text/html", "<h1>Bad gateway</h1>")


async def test_drop_without_a_socket_is_an_error_of_its_own(state, client):
    state.faults.add(ForcedAnswer(kind="drop"))
    with pytest.raises(ConnectionDroppedError):
        await client.get("/teams")
    assert state.recorder.by_status == {"dropped": 1}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("nonsense", "is an object"),
        ({"code": 429}, "unknown keys code"),
        ({"status": 99}, "200 to 599"),
        ({"times": 0}, "from 1"),
        ({"times": True}, "from 1"),
        ({"kind": "lazy"}, "kind must be one of: answer, rate_limited"),
        ({"kind": ["slow"]}, "kind must be one of"),
        ({"kind": "rate_limited", "dress": "velvet"}, "dress must be one of: richpanel"),
        ({"dress": "shopify"}, "goes with the kind rate_limited"),
        ({"kind": "slow", "seconds": -1}, "seconds must be 0 to 3600"),
        ({"kind": "huge", "size": 0}, "size must be 1 to"),
        ({"headers": {"a": "b\r\nc"}}, "printable"),
        ({"headers": {"a": 1}}, "printable"),
        ({"headers": ["a"]}, "must be an object"),
        ({"method": 1}, "must be text"),
        ({"after_effect": "yes"}, "true or false"),
    ],
)
async def test_faults_that_make_no_sense_are_refused_whole(state, client, fault, said):
    answer = await client.post(f"{SIM}/faults", json=[{"status": 500}, fault])
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert len(state.faults) == 0


async def test_reset_restores_data_counts_faults_and_quota(state, client):
    ticket = state.tenant_for(KEY).newest_open()[0]
    await client.put(ticket_path(ticket["id"]), json={"ticket": {"status": "CLOSED"}})
    state.faults.add(ForcedAnswer())
    assert (await client.post(f"{SIM}/reset")).status_code == 200
    assert (state.recorder.total, len(state.faults)) == (0, 0)
    answer = await client.get(ticket_path(ticket["id"]))
    assert (answer.json()["ticket"]["status"], answer.headers["x-ratelimit-remaining"]) == ("OPEN", "49")


async def test_reset_of_one_part_leaves_the_others(state, client):
    await client.get("/teams")
    await client.post(f"{SIM}/reset", json={"only": ["limits"]})
    assert state.recorder.total == 1
    assert (await client.get("/teams")).headers["x-ratelimit-remaining"] == "49"


@pytest.mark.parametrize("body", [{"only": ["all"]}, {"only": "data"}, {"only": [{}]}])
async def test_reset_of_unknown_parts_is_refused(client, body):
    assert "only is a list of" in (await client.post(f"{SIM}/reset", json=body)).json()["error"]


async def test_switches_change_while_running(state, client):
    changed = await client.post(f"{SIM}/switches", json={"bad_key_status": 403, "retry_after_header": "off"})
    assert changed.json() == (await client.get(f"{SIM}/switches")).json()
    assert (state.switches.bad_key_status, state.switches.retry_after_header) == (403, False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bad_key": 403}, "no switch 'bad_key'"),
        ({"bad_key_status": 500}, "401, 403"),
        ({"retry_after_header": 1}, "on, off"),
        ({"user_key": True}, "user, users"),
        ([], "an object"),
    ],
)
async def test_switches_that_do_not_exist_are_refused(client, change, said):
    answer = await client.post(f"{SIM}/switches", json=change)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


async def test_instruments_are_not_counted_and_unknown_ones_name_the_others(state, client):
    answer = await client.get(f"{SIM}/nothing")
    assert (answer.status_code, state.recorder.total) == (404, 0)
    assert "POST /_sim/faults" in answer.json()["error"]
    assert (await client.post(f"{SIM}/faults", content=b"{")).json() == {"error": "the body is not JSON"}


@pytest.mark.parametrize("address", ["203.0.113.9", "elsewhere"])
async def test_instruments_answer_this_machine_only(state, address):
    transport = httpx.ASGITransport(create_app(state), client=(address, 5000))
    async with httpx.AsyncClient(transport=transport) as stranger:
        assert (await stranger.get(f"{SIM}/requests")).status_code == 403


async def test_how_often_a_write_was_seen_can_be_asked(state, client):
    note = {"ticket": {"comment": {"body": "once", "public": False}}}
    ticket = state.tenant_for(KEY).newest_open()[0]
    path = ticket_path(ticket["id"])
    for _ in range(2):
        await client.put(path, json=note)
    sent = await client.put(path, json={"ticket": {"status": "CLOSED"}})
    await client.get(path)
    target, body = f"/v1{path}".encode(), sent.request.content
    seen = state.recorder.times_seen
    assert (seen("PUT", target), seen("PUT", target, body), seen("PUT", target, tenant="other")) == (3, 1, 0)
    writes = (await client.get(f"{SIM}/writes")).json()["writes"]
    assert [write["times"] for write in writes] == [2, 1]
    assert writes[0].keys() == {"method", "target", "body_sha256", "tenant", "times"}
    assert (await client.get(f"{SIM}/writes", params={"target": "nowhere"})).json() == {"writes": []}
    held = (await client.get(f"{SIM}/requests", params={"body": "once"})).json()
    assert (held["matched"], held["total"]) == (2, 4)


def test_writes_are_counted_when_their_records_are_gone(clock):
    recorder = Recorder(capacity=1)
    for _ in range(3):
        recorder.begin(RecordedRequest(0, clock.now(), "POST", b"/v1/tickets", (), b"{}", TENANT))
    assert recorder.times_seen("POST", b"/v1/tickets", b"{}", TENANT) == 3
    recorder.reset()
    assert recorder.times_seen("POST", b"/v1/tickets") == 0


async def test_reset_leaves_the_switches(state, client):
    await client.post(f"{SIM}/switches", json={"list_forbidden": True})
    await client.post(f"{SIM}/reset")
    assert state.switches.list_forbidden


async def test_kinds_and_dresses_are_listed(client):
    listed = (await client.get(f"{SIM}/faults")).json()
    assert (listed["waiting"], listed["kinds"].keys(), listed["dresses"].keys()) == (0, KINDS.keys(), DRESSES.keys())
