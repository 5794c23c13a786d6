from urllib.parse import quote

import pytest

from tests.simulator.support import KEY, TENANT

STORE = f"{TENANT}0"


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


async def test_one_user_and_one_channel_are_read_by_id(state, client):
    tenant = state.tenant_for(KEY)
    assert (await client.get(f"/users/{tenant.users[0]['id']}")).json() == {"user": tenant.users[0]}
    assert (await client.get(f"/channel/{tenant.channels[0]['id']}")).json() == {"channel": tenant.channels[0]}
    assert (await client.get("/users/nobody")).status_code == 404
    assert (await client.get("/channel/nothing")).status_code == 404


async def test_new_tag_is_listed(client):
    made = (await client.post("/tags", json={"name": "chargeback", "description": "Bank took it back"})).json()["tag"]
    assert (await client.get("/tags")).json()["tag"][-1] == made
    assert made.keys() == {"id", "name", "description", "organization_id", "created_at", "updated_at"}


@pytest.mark.parametrize(
    ("body", "param"), [({}, "name"), ({"name": " "}, "name"), ({"name": "x", "description": 1}, "description")]
)
async def test_tag_without_a_name_is_refused(client, body, param):
    answer = await client.post("/tags", json=body)
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, param)


def event(order_id="n-1", **properties):
    return {
        "event": "order",
        "appClientId": STORE,
        "time": {"sentAt": 1767225600000},
        "userProperties": {"uid": "c-1001", "email": "ada.whitlock@shopper.example"},
        "properties": {
            "orderId": order_id,
            "orderDbKey": order_id,
            "amount": 59.99,
            "items": [{"id": "p-1", "name": "Shirt", "price": 49.99, "quantity": 1}],
            **properties,
        },
    }


async def test_pushed_orders_are_read_and_counted_and_updated(client):
    answer = await client.post(f"/order/{STORE}", json={"orders": [event(), event("n-2", status="processing")]})
    assert (answer.status_code, answer.json()) == (200, "Orders accepted.")
    first = (await client.get(f"/order/{STORE}/n-1")).json()
    assert first == {"email": "ada.whitlock@shopper.example", **event()["properties"]}
    ada = (await client.get("/customers/email/ada.whitlock%40shopper.example")).json()["customer"]
    assert {"n-1", "n-2"} < set(ada["orderIds"])
    await client.post(f"/order/{STORE}", json={"orders": [event("n-2", amount=1)]})
    second = (await client.get(f"/order/{STORE}/n-2")).json()
    assert (second["amount"], second["status"]) == (1, "processing")


async def test_who_orders_is_a_customer_from_then_on(client):
    pushed = {**event(), "userProperties": {"uid": "c-77", "email": "nell@shopper.example", "firstName": "Nell"}}
    await client.post(f"/order/{STORE}", json={"orders": [pushed]})
    nell = (await client.get("/customers/email/nell%40shopper.example")).json()["customer"]
    assert (nell["uid"], nell["name"], nell["orderIds"]) == ("c-77", "Nell", ["n-1"])


@pytest.mark.parametrize(
    ("orders", "param"),
    [
        ([], "orders"),
        (None, "orders"),
        (["x"], "orders[0]"),
        ([{**event(), "event": "sale"}], "orders[0].event"),
        ([{**event(), "userProperties": {}}], "orders[0].userProperties"),
        ([{**event(), "time": None}], "orders[0].time"),
        ([event(), event(amount="59")], "orders[1].properties.amount"),
        ([event(items=[{"id": "p"}])], "orders[0].properties.items[0].name"),
        ([event(items=["p"])], "orders[0].properties.items[0]"),
        ([{**event(), "properties": 1}], "orders[0].properties"),
    ],
)
async def test_batch_with_a_mistake_is_refused_whole(state, client, orders, param):
    answer = await client.post(f"/order/{STORE}", json={"orders": orders})
    assert answer.status_code == 400
    assert param in [fault["param"] for fault in answer.json()["error"]]
    assert len(state.tenant_for(KEY).orders) == 25


async def test_order_for_another_store_is_refused(client):
    answer = await client.post("/order/elsewhere0", json={"orders": [event()]})
    assert (answer.status_code, answer.json()["error"][0]["location"]) == (400, "params")


async def test_pushed_subscriptions_are_kept_though_nothing_reads_them(client):
    pushed = {**event("s-1", status="active"), "event": "subscription"}
    pushed["user_properties"] = pushed.pop("userProperties")
    answer = await client.post(f"/subscription/{STORE}", json={"subscriptions": [pushed]})
    assert (answer.status_code, list(answer.json())) == (200, ["message"])
    effects = (await client.get("http://sim.example/_sim/effects")).json()[TENANT]
    assert [kept["status"] for kept in effects["subscriptions"]] == ["active"]
    wrong = await client.post(f"/subscription/{STORE}", json={"subscriptions": [event()]})
    assert {fault["param"] for fault in wrong.json()["error"]} == {
        "subscriptions[0].event",
        "subscriptions[0].user_properties",
    }
