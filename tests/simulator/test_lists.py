"""Time bounds and look-ups of conversations; the clock says 2026-11-20 09:00 UTC."""

import pytest

from tests.simulator.support import KEY


@pytest.fixture
def tenant(state):
    tenant = state.tenant_for(KEY)
    for place, ident in enumerate(list(tenant.tickets)):
        day = 1 + place % 10
        tenant.tickets[ident].update(
            created_at=f"2026-11-{day:02}T10:00:00.000Z", updated_at=f"2026-11-{day + 8:02}T12:00:00.000Z"
        )
    return tenant


async def days(client, field="created_at", **query):
    page = (await client.get("/tickets", params={"per_page": 100, **query})).json()
    return sorted({int(ticket[field][8:10]) for ticket in page.get("ticket", [])})


@pytest.mark.parametrize("start", ["2026-11-08", "2026-11-08T09:30:00Z", "2026-11-08T11:00:00+01:00"])
@pytest.mark.usefixtures("tenant")
async def test_start_date_is_a_lower_bound_on_what_is_sorted_by(client, start):
    assert await days(client, startDate=start) == [8, 9, 10]
    assert await days(client, "updated_at", startDate="2026-11-16", sortKey="updatedAt") == [16, 17, 18]


@pytest.mark.usefixtures("tenant")
async def test_end_date_is_exclusive(client):
    assert await days(client, startDate="2026-11-02", endDate="2026-11-04") == [2, 3]


@pytest.mark.usefixtures("tenant")
async def test_updated_at_is_a_lower_bound_on_the_last_change(client):
    assert await days(client, "updated_at", updated_at="2026-11-17T12:00:00Z") == [17, 18]


@pytest.mark.parametrize("name", ["startDate", "endDate", "updated_at"])
async def test_date_that_is_none_is_refused(client, name):
    answer = await client.get("/tickets", params={name: "yesterday"})
    fault = {"value": "yesterday", "msg": "Invalid value", "param": name, "location": "query"}
    assert (answer.status_code, answer.json()) == (400, {"error": [fault]})


async def test_customers_conversations_come_newest_first_in_any_case_of_the_address(client):
    page = (await client.get("/tickets/email/ADA.Whitlock%40shopper.example")).json()
    assert page["count"] == len(page["ticket"]) > 1
    assert {ticket["customer_profile"]["email"] for ticket in page["ticket"]} == {"ada.whitlock@shopper.example"}
    created = [ticket["created_at"] for ticket in page["ticket"]]
    assert created == sorted(created, reverse=True)


async def test_stranger_has_no_conversations(client):
    page = {"count": 0, "next_page": None, "previous_page": None}
    assert (await client.get("/tickets/phone/%2B10000000000")).json() == page


async def test_visitor_profile_is_fuller_when_asked_for(client):
    short = (await client.get("/tickets/number/84920")).json()["ticket"]["customer_profile"]
    full = (await client.get("/tickets/number/84920?show_visitor_profile=true")).json()["ticket"]["customer_profile"]
    assert full == {
        **short,
        "uid": "c-1001",
        "name": "Ada Whitlock",
        "city": "Portland",
        "state": "ME",
        "country": "US",
    }
