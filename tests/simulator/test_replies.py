"""What reaches a customer, and what an order's link does."""

import pytest

from tests.simulator.support import KEY, TENANT, ticket_path

NO_SUCH = {"errors": {"message": "Provided conversation id does not exist."}}


@pytest.fixture
def tenant(state):
    return state.tenant_for(KEY)


@pytest.fixture
def parcel(tenant):
    return tenant.newest_open()[0]


async def test_reply_is_delivered_shown_as_the_operators_and_leaves_it_open(client, tenant, parcel):
    sent = {"body": "<p>It left today.</p>", "author_id": "u-7", "attachments": ["https://files.example/1"]}
    assert (await client.put(ticket_path(parcel["id"], "send-message"), json=sent)).status_code == 200
    shown = (await client.get(ticket_path(parcel["id"]))).json()["ticket"]
    last = shown["comments"][-1]
    assert last.items() >= {"author_id": "u-7", "is_operator": True, "public": True, "body": sent["body"]}.items()
    assert (last["attachments"], last["plain_body"]) == (sent["attachments"], "It left today.")
    assert (shown["status"], shown["first_response_time"]) == ("OPEN", "2026-11-20T09:00:00.000Z")
    [delivered] = tenant.outbox
    assert (delivered["to"], delivered["channel"]) == ("ada.whitlock@shopper.example", "email")
    assert (delivered["body"], delivered["conversation_id"]) == (sent["body"], parcel["id"])


async def test_comment_of_an_update_reaches_nobody(client, tenant, parcel):
    comment = {"body": "Hello", "sender_type": "operator", "public": True}
    await client.put(ticket_path(parcel["id"]), json={"ticket": {"comment": comment}})
    assert tenant.outbox == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"author_id": "u"}, "body"),
        ({"body": " ", "author_id": "u"}, "body"),
        ({"body": "x"}, "author_id"),
        ({"body": "x", "author_id": "u", "attachments": "a"}, "attachments"),
        ({"ticket": {"body": "x"}}, "body"),
        ([], "body"),
    ],
)
async def test_wrong_reply_is_refused_and_nothing_is_sent(client, tenant, parcel, body, param):
    answer = await client.put(ticket_path(parcel["id"], "send-message"), json=body)
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, param)
    assert tenant.outbox == []


async def test_reply_to_nobody_and_link_to_nothing_are_404(client, parcel):
    reply = await client.put(ticket_path("nobody", "send-message"), json={"body": "x", "author_id": "u"})
    assert (reply.status_code, reply.json()) == (404, NO_SUCH)
    assert (await client.put(ticket_path("nobody", "attach-order", f"{TENANT}0", "10364"))).json() == NO_SUCH
    assert (await client.put(ticket_path(parcel["id"], "attach-order", f"{TENANT}0", "1"))).status_code == 404


async def test_attached_order_replaces_the_link(client, parcel):
    answer = await client.put(ticket_path(parcel["id"], "attach-order", f"{TENANT}0", "10364"))
    assert (answer.status_code, list(answer.json())) == (200, ["message"])
    link = (await client.get(ticket_path(parcel["id"]).replace("/tickets", "/order"))).json()
    assert link == {"orderId": "10364", "appClientId": f"{TENANT}0"}


async def test_snoozed_until_the_customer_replies(client, parcel):
    path = ticket_path(parcel["id"])
    await client.put(path, json={"ticket": {"snoozed_till": "0"}})
    assert (await client.get(path)).json()["ticket"]["snoozed_till"] == "0"
    await client.put(path, json={"ticket": {"comment": {"body": "note", "public": False}}})
    assert (await client.get(path)).json()["ticket"]["snoozed_till"] == "0"
    await client.put(path, json={"ticket": {"comment": {"body": "Hello?", "sender_type": "customer"}}})
    assert "snoozed_till" not in (await client.get(path)).json()["ticket"]
