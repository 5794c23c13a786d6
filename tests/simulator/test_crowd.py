import json
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from richpanel_sim.clock import ManualClock
from richpanel_sim.crowd import Crowd, crowd_tenant
from richpanel_sim.limits import Quota
from richpanel_sim.state import SimulatorState
from tests.simulator.support import KEY, TENANT, connect, ticket_path

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CROWD = Crowd(seed=7, conversations=600)
EVERY = 600


@pytest.fixture(scope="module")
def crowd():
    return crowd_tenant(CROWD, TENANT, NOW)


@pytest.fixture(scope="module")
def tickets(crowd):
    return [crowd.tickets.look(ident) for ident in crowd.tickets]


@pytest.fixture
async def client():
    state = SimulatorState({KEY: TENANT}, clock=ManualClock(NOW), quota=Quota(requests=10**6), crowd=CROWD)
    async with connect(state) as made:
        yield made


def as_text(tenant):
    shelves = (tenant.tickets, tenant.orders, tenant.customers)
    return json.dumps([[shelf.look(key) for key in shelf] for shelf in shelves])


def test_same_seed_gives_the_same_and_another_seed_something_else():
    small = Crowd(seed=7, conversations=40)
    first, again = (crowd_tenant(small, TENANT, NOW) for _ in range(2))
    assert as_text(first) == as_text(again)
    assert first.order_links == again.order_links
    other = crowd_tenant(Crowd(seed=8, conversations=40), TENANT, NOW)
    assert not first.tickets.keys() & {ident for ident in other.tickets if not ident[0].isdigit()}


def test_ten_thousand_are_cards_until_somebody_looks():
    tenant = crowd_tenant(Crowd(seed=1, conversations=10_000), TENANT, NOW)
    assert (len(tenant.tickets), len(tenant.orders), len(tenant.customers)) == (10_000, 5_000, 3_333)
    assert tenant.tickets.kept() == tenant.orders.kept() == tenant.customers.kept() == 0
    threads = [len((tenant.tickets.look(ident) or {})["comments"]) for ident in list(tenant.tickets)[::137]]
    assert max(threads) == 875
    assert tenant.tickets.kept() == 0


def test_numbers_rise_with_time_and_nothing_lies_in_the_future(tickets):
    numbers = [ticket["conversation_no"] for ticket in tickets]
    created = [ticket["created_at"] for ticket in tickets]
    assert numbers == list(range(10_001, 10_001 + EVERY))
    assert created == sorted(created)
    for ticket in tickets:
        times = [comment["created_at"] for comment in ticket["comments"]]
        assert times == sorted(times)
        assert (ticket["created_at"], ticket["updated_at"]) == (times[0], times[-1])
        assert times[-1] <= "2026-11-20T09:00:00.000Z"


def test_ids_have_the_forms_seen_in_the_wild(crowd):
    ids = list(crowd.tickets)
    for form in (
        r"<.+@.+>$",
        r"<.*\+.*>",
        r"<.*/.*>",
        r"m_[\w-]+",
        r"api-",
        r"\d+_\d+_\d+_\d+$",
        r"\d+_\d+$",
        r"\d+_\w+_1555",
    ):
        assert any(re.match(form, ident) for ident in ids), form
    assert 0.5 < sum(ident.startswith("<") for ident in ids) / len(ids) < 0.75


def test_texts_are_as_unruly_as_real_ones(tickets):
    said = json.dumps(tickets, ensure_ascii=False)
    for mark in (
        "\u2028",
        "🙏",
        "👩🏽‍💻",
        "مرحبا",
        "注文",
        "<blockquote",
        "MsoNormal",
        "&amp;",
        "<br>",
        '\\"',
        "photo%20of",
    ):
        assert mark in said, mark
    assert "{" not in "".join(comment["plain_body"] for ticket in tickets for comment in ticket["comments"])
    lengths = sorted(len(ticket["comments"]) for ticket in tickets)
    assert (lengths[0], lengths[-1]) == (1, 875)


def test_notes_are_internal_and_tags_are_names_or_ids(crowd, tickets):
    comments = [comment for ticket in tickets for comment in ticket["comments"]]
    assert any(not comment["public"] for comment in comments)
    names, ids = ({tag[key] for tag in crowd.tags} for key in ("name", "id"))
    tags = {tag for ticket in tickets for tag in ticket["tags"]}
    assert tags & names
    assert tags & ids
    assert tags <= names | ids
    assert crowd.imported_up_to == 10_060


def test_linked_orders_belong_to_who_writes_and_were_placed_before(crowd):
    assert 0.2 < len(crowd.order_links) / EVERY < 0.6
    for ident, key in crowd.order_links.items():
        ticket, order = crowd.tickets.look(ident), crowd.orders.look(key)
        assert ticket["customer_profile"]["email"] == order["email"]
        assert order["createdAt"] <= datetime.fromisoformat(ticket["created_at"]).timestamp() * 1000


def test_cards_tell_what_is_written_out(crowd):
    for card in crowd.tickets.cards():
        ticket = crowd.tickets.look(card.id)
        assert card.number == ticket["conversation_no"]
        assert (card.status, card.assignee_id) == (ticket["status"], ticket["assignee_id"])
        assert (card.created_at, card.updated_at) == (ticket["created_at"], ticket["updated_at"])
        assert (card.email, card.phone) == tuple(ticket["customer_profile"][name] for name in ("email", "phone"))
    for customer in crowd.customers.cards():
        shown = crowd.customers.look(customer.id)
        assert (customer.uid, customer.email, customer.phone) == (shown["uid"], shown["email"], shown["phone"])
    for order in crowd.orders.cards():
        assert order.amount == crowd.orders.look(order.key)["amount"]


async def test_every_conversation_is_met_once_on_the_way_through_the_pages(client):
    url, seen = "/tickets?per_page=100", []
    while url:
        page = (await client.get(url)).json()
        seen += [ticket["conversation_no"] for ticket in page["ticket"]]
        url = page["next_page"]
    assert seen == list(range(10_000 + EVERY, 10_000, -1))


async def test_what_is_written_to_one_of_the_crowd_stays(client):
    ticket = (await client.get("/tickets", params={"status": "OPEN", "per_page": 1})).json()["ticket"][0]
    path = ticket_path(ticket["id"])
    before = (await client.get(path)).json()["ticket"]
    await client.put(path, json={"ticket": {"status": "CLOSED", "comment": {"body": "done", "public": False}}})
    after = (await client.get(path)).json()["ticket"]
    assert (after["status"], len(after["comments"])) == ("CLOSED", len(before["comments"]) + 1)
    still_open = (await client.get("/tickets", params={"status": "OPEN", "per_page": 1})).json()["ticket"][0]
    assert still_open["id"] != ticket["id"]
    made = await client.post(
        "/tickets",
        json={"ticket": {"comment": {"body": "x"}, "via": {"source": {"from": {"address": "a@b.example"}}}}},
    )
    assert made.json()["ticket"]["conversation_no"] == 10_001 + EVERY


async def test_customer_of_the_crowd_is_found_with_orders_and_conversations(client):
    linked = (await client.get("/tickets", params={"per_page": 1})).json()["ticket"][0]
    email = quote(linked["customer_profile"]["email"], safe="")
    customer = (await client.get(f"/customers/email/{email}")).json()["customer"]
    page = (await client.get(f"/tickets/email/{email}")).json()
    assert page["count"] >= 1
    assert customer["orderIds"]
    order = (await client.get(f"/order/{TENANT}0/{customer['orderIds'][0]}")).json()
    assert order["email"] == customer["email"]
