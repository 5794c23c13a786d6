from datetime import UTC, datetime

import pytest

from richpanel_sim.seed import seed_tenant
from tests.simulator.support import TENANT

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop():
    return seed_tenant(TENANT, NOW)


def test_shop_is_the_same_on_every_start(shop):
    assert seed_tenant(TENANT, NOW) == shop


def test_tenants_share_no_conversation(shop):
    assert not shop.tickets.keys() & seed_tenant("willowmere88", NOW).tickets.keys()


def test_shop_has_sixty_conversations_and_twenty_five_orders_partly_linked(shop):
    assert (len(shop.tickets), len(shop.orders)) == (60, 25)
    assert 20 < len(shop.order_links) < 55
    assert set(shop.order_links.values()) <= shop.orders.keys()


def test_ids_have_the_form_of_their_channel(shop):
    by_channel = {ticket["via"]["channel"]: ident for ident, ticket in shop.tickets.items()}
    assert len(by_channel) >= 8
    assert by_channel["email"].startswith("<CA")
    assert by_channel["email"].endswith("@mail.example>")
    assert by_channel["whatsapp"].startswith(f"api-{TENANT}0-")
    assert by_channel["messenger"].startswith("m_")


def test_three_or_four_of_the_ten_newest_open_conversations_need_triage(shop):
    words = ("cancel", "lawyer", "unacceptable")
    said = [" ".join(c["plain_body"] for c in ticket["comments"]).lower() for ticket in shop.newest_open()[:10]]
    assert len(said) == 10
    assert 3 <= sum(any(word in text for word in words) for text in said) <= 4
    assert all(any(word in text for text in said) for word in words)


def test_newest_open_email_asks_for_a_parcel_in_transit(shop):
    ticket = shop.newest_open()[0]
    order = shop.orders[shop.order_links[ticket["id"]]]
    assert "where my parcel is" in ticket["comments"][0]["plain_body"]
    assert ticket["customer_profile"]["email"] == order["email"]
    assert order["fulfillment"][0]["status"] == "in_transit"
    assert order["fulfillment"][0]["tracking"][0].keys() >= {"trackingNumber", "trackingCompany", "trackingUrl"}


def test_linked_orders_belong_to_the_customer_who_writes(shop):
    for ident, key in shop.order_links.items():
        assert shop.tickets[ident]["customer_profile"]["email"] == shop.orders[key]["email"]


def test_nothing_lies_in_the_future_or_before_its_beginning(shop):
    for ticket in shop.tickets.values():
        assert ticket["created_at"] <= ticket["updated_at"] <= "2026-11-20T09:00:00.000Z"
    for order in shop.orders.values():
        assert order["createdAt"] <= order["updatedAt"] <= NOW.timestamp() * 1000


def test_orders_hold_no_empty_values_but_an_unshipped_parcel_list(shop):
    for order in shop.orders.values():
        assert [name for name, value in order.items() if value in ("", None, [])] in ([], ["fulfillment"])


def test_every_address_is_a_reserved_one(shop):
    told = [t["customer_profile"] for t in shop.tickets.values()]
    assert all(person["email"].endswith(".example") and person["phone"].startswith("+1555010") for person in told)
