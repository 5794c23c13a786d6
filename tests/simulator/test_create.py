import pytest

from tests.simulator.support import KEY, TENANT, ticket_path

EMAIL = {
    "subject": "Wrong size",
    "comment": {"sender_type": "customer", "body": "<p>The shirt is too small.</p>"},
    "via": {
        "channel": "email",
        "source": {"from": {"address": "new@shopper.example"}, "to": {"address": "a@b.example"}},
    },
}
AIRCALL = {
    "comment": {"sender_type": "customer", "body": "Missed call."},
    "via": {"channel": "aircall", "source": {"from": {"id": "+15550100001"}, "to": {"id": "+15550100002"}}},
}


async def test_new_conversation_is_answered_with_200_and_found_in_every_way(client):
    profile = {"firstName": "Nell", "lastName": "New"}
    answer = await client.post(
        "/tickets", json={"ticket": {**EMAIL, "customer_profile": profile, "tags": ["vip"], "priority": "HIGH"}}
    )
    made = answer.json()["ticket"]
    assert (answer.status_code, made["conversation_no"], made["status"]) == (200, 84921, "OPEN")
    assert made["id"].startswith(f"api-{TENANT}0-")
    assert (made["recipient"], made["assignee_id"], made["priority"]) == ("a@b.example", "unassigned", "HIGH")
    assert (await client.get(ticket_path(made["id"]))).json()["ticket"] == made
    assert (await client.get("/tickets/number/84921")).json()["ticket"] == made
    assert (await client.get("/tickets", params={"per_page": 1})).json()["ticket"] == [{**made, "comments": []}]
    [of_customer] = (await client.get("/tickets/email/new%40shopper.example")).json()["ticket"]
    assert of_customer["id"] == made["id"]
    customer = (await client.get("/customers/email/new%40shopper.example")).json()["customer"]
    assert customer["name"] == "Nell New"


async def test_conversation_by_phone_is_found_by_phone(client):
    made = (await client.post("/tickets", json={"ticket": AIRCALL})).json()["ticket"]
    assert made["comments"][0]["plain_body"] == "Missed call."
    [found] = (await client.get("/tickets/phone/%2B15550100001")).json()["ticket"]
    assert (found["id"], found["recipient"]) == (made["id"], "+15550100002")


async def test_refused_channel_and_missing_sender_get_the_recorded_list(client):
    body = {"ticket": {**EMAIL, "via": {"channel": "chat"}}}
    answer = await client.post("/tickets", json=body)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": [
                {"value": "chat", "msg": "Invalid value", "param": "ticket.via.channel", "location": "body"},
                {"msg": "Invalid value", "param": "ticket.via.source.from", "location": "body"},
            ]
        },
    )


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"via": None}, "ticket.via.source.from"),
        ({"via": {"source": {"from": {"id": "x"}}}}, "ticket.via.source.from.address"),
        ({"via": {"channel": "aircall", "source": {"from": {"address": "x"}}}}, "ticket.via.source.from.id"),
        ({"via": {"channel": "messenger", "source": {"from": {}}}}, "ticket.via.source.from.address"),
        ({"via": {"source": {"from": {"address": "a@b.example"}, "to": "me"}}}, "ticket.via.source.to"),
        ({"comment": None}, "ticket.comment"),
        ({"comment": {"sender_type": "customer"}}, "ticket.comment.body"),
        ({"status": "open"}, "ticket.status"),
        ({"priority": "URGENT"}, "ticket.priority"),
        ({"tags": "vip"}, "ticket.tags"),
        ({"id": ""}, "ticket.id"),
    ],
)
async def test_wrong_conversation_is_refused_and_not_made(state, client, change, param):
    answer = await client.post("/tickets", json={"ticket": {**EMAIL, **change}})
    assert answer.status_code == 400
    assert param in [fault["param"] for fault in answer.json()["error"]]
    assert len(state.tenant_for(KEY).tickets) == 60


@pytest.mark.parametrize("body", [{}, {"ticket": []}, EMAIL])
async def test_body_without_the_wrapper_is_refused(client, body):
    answer = await client.post("/tickets", json=body)
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, "ticket")


@pytest.mark.parametrize("channel", ["messenger", "whatsapp", "facebook_message", "instagram", "phone"])
async def test_other_channels_take_an_id_or_an_address(client, channel):
    for sender in ({"id": "customer-7", "address": 5}, {"address": "a@b.example"}):
        via = {"channel": channel, "source": {"from": sender, "to": {}}}
        answer = await client.post("/tickets", json={"ticket": {**AIRCALL, "via": via}})
        assert answer.json()["ticket"]["via"] == via
