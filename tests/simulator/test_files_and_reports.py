import hashlib

import pytest

from tests.simulator.support import KEY, TENANT, ticket_path

BYTES = bytes(range(256)) + b"\r\n--not-the-boundary\r\n\r\n"
QUERY = {"startDate": "2026-11-01", "endDate": "2026-11-20", "metrics": ["new_conversations", "csat_score"]}


async def test_uploaded_file_keeps_its_bytes_name_and_type(client):
    answer = await client.post("/file/upload", files={"note": (None, "hi"), "file": ("ü.png", BYTES, "image/png")})
    kept = answer.json()
    assert (answer.status_code, kept["name"], kept["type"], kept["size"]) == (200, "ü.png", "image/png", len(BYTES))
    assert kept["sha256"] == hashlib.sha256(BYTES).hexdigest()
    effects = (await client.get("http://sim.example/_sim/effects")).json()
    assert effects[TENANT]["files"] == [kept]


async def test_upload_is_sent_as_an_attachment(state, client):
    url = (await client.post("/file/upload", files={"file": ("a.txt", b"hi")})).json()["url"]
    ticket = state.tenant_for(KEY).newest_open()[0]
    reply = {"body": "Here it is.", "author_id": "operator", "attachments": [url]}
    await client.put(ticket_path(ticket["id"], "send-message"), json=reply)
    assert state.tenant_for(KEY).outbox[0]["attachments"] == [url]


@pytest.mark.parametrize(
    "options",
    [
        {"files": {"picture": ("a.png", b"x")}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"json": {"file": "aGk="}},
        {"content": b"x"},
    ],
)
async def test_upload_without_the_field_is_refused(client, options):
    answer = await client.post("/file/upload", **options)
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, "file")


async def test_report_counts_conversations_for_the_account_and_for_each_agent(state, client):
    report = (await client.post("/reports/query", json={**QUERY, "dimensions": "agent"})).json()["data"]
    totals = {total["name"]: total["value"] for total in report["aggregations"]["totals"]}
    created = [ticket["created_at"][:10] for ticket in state.tenant_for(KEY).tickets.values()]
    assert totals["new_conversations"] == sum("2026-11-01" <= day <= "2026-11-20" for day in created) > 0
    assert 3 <= totals["csat_score"] <= 5
    assert [line["dimensions"][0]["value"] for line in report["breakdowns"]] == [
        user["name"] for user in state.tenant_for(KEY).users
    ]


async def test_report_sees_a_conversation_closed(state, client):
    query = {**QUERY, "metrics": ["closed_conversations", "backlog", "awaiting_agent_reply"]}
    before = (await client.post("/reports/query", json=query)).json()["data"]["aggregations"]["totals"]
    ticket = state.tenant_for(KEY).newest_open()[0]
    await client.put(ticket_path(ticket["id"]), json={"ticket": {"status": "CLOSED"}})
    after = (await client.post("/reports/query", json=query)).json()["data"]["aggregations"]["totals"]
    assert [now["value"] - then["value"] for then, now in zip(before, after, strict=True)] == [1, -1, -1]


async def test_same_question_gets_the_same_answer(client):
    query = {**QUERY, "metrics": ["first_response_time_bh", "csat_surveys_sent"], "filters": [{"field": "rating"}]}
    first, second = [(await client.post("/reports/query", json=query)).json() for _ in range(2)]
    assert first == second
    assert first["data"]["breakdowns"] == []


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"startDate": "1 Nov"}, "startDate"),
        ({"endDate": None}, "endDate"),
        ({"endDate": "2026-10-01"}, "endDate"),
        ({"metrics": []}, "metrics"),
        ({"metrics": "csat_score"}, "metrics"),
        ({"filters": [1]}, "filters"),
        ({"dimensions": ["agent"]}, "dimensions"),
    ],
)
async def test_question_that_makes_no_sense_is_refused(client, change, param):
    answer = await client.post("/reports/query", json={**QUERY, **change})
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, param)
