from dataclasses import replace
from urllib.parse import quote

from tests.simulator.support import KEY, TENANT


async def test_linked_conversation_leads_to_an_order_with_tracking(state, client):
    parcel = state.tenant_for(KEY).newest_open()[0]
    link = (await client.get(f"/order/{quote(parcel['id'], safe='')}")).json()
    assert link == {"orderId": "10383", "appClientId": f"{TENANT}0"}
    order = (await client.get(f"/order/{link['appClientId']}/{link['orderId']}")).json()
    tracking = order["fulfillment"][0]["tracking"][0]
    assert (order["fulfillmentStatus"], order["fulfillment"][0]["status"]) == ("fulfilled", "in_transit")
    assert tracking["trackingNumber"] in tracking["trackingUrl"]


async def test_conversation_without_an_order_gives_an_empty_object(state, client):
    tenant = state.tenant_for(KEY)
    lonely = next(ident for ident in tenant.tickets if ident not in tenant.order_links)
    answer = await client.get(f"/order/{quote(lonely, safe='')}")
    assert (answer.status_code, answer.json()) == (200, {})


async def test_link_of_an_unknown_conversation_is_empty_or_404_by_switch(state, client):
    assert (await client.get("/order/nobody")).json() == {}
    state.switches = replace(state.switches, order_of_unknown_conversation="not_found")
    assert (await client.get("/order/nobody")).status_code == 404


async def test_unknown_order_and_unknown_store_are_404(client):
    assert (await client.get(f"/order/{TENANT}0/1")).status_code == 404
    assert (await client.get("/order/elsewhere0/10383")).status_code == 404


async def test_directory_lists_stand_under_their_own_keys(client):
    shapes = {
        "/users": ("user", {"id", "name", "email", "role"}),
        "/teams": ("team", {"id", "name", "organization_id", "created_at", "updated_at"}),
        "/tags": ("tag", {"id", "name", "description", "organization_id", "created_at", "updated_at"}),
        "/channel": ("channels", {"id", "type", "business_brand_name", "created_at", "updated_at"}),
    }
    for path, (key, fields) in shapes.items():
        page = (await client.get(path)).json()
        assert page["count"] == len(page[key]) > 0
        assert all(item.keys() == fields for item in page[key])


async def test_users_key_is_plural_by_switch(state, client):
    state.switches = replace(state.switches, user_key="users")
    assert len((await client.get("/users", params={"per_page": 3})).json()["users"]) == 3
