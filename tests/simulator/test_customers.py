import pytest

ADA = "/customers/email/ada.whitlock%40shopper.example"


async def test_customer_is_made_updated_by_uid_and_found_in_both_ways(client):
    new = {"uid": "c-9", "email": "nell@shopper.example", "phone": "+15550100199", "name": "Nell", "loyalty": "gold"}
    made = (await client.post("/customers", json={"customer": new})).json()
    assert (list(made), made["customer"]["uid"]) == (["message", "customer"], "c-9")
    again = (await client.post("/customers", json={"customer": {"uid": "c-9", "name": "Nell N."}})).json()
    assert again["customer"] == made["customer"]
    by_email = (await client.get("/customers/email/nell%40shopper.example")).json()
    by_phone = (await client.get("/customers/phone/%2B15550100199")).json()
    assert by_email == by_phone
    assert by_email["customer"].items() >= {**new, "name": "Nell N.", "id": made["customer"]["id"]}.items()


async def test_customer_without_a_uid_is_known_by_email(client):
    before = (await client.get(ADA)).json()["customer"]
    await client.post("/customers", json={"customer": {"email": before["email"], "city": "Bangor", "id": "other"}})
    after = (await client.get(ADA)).json()["customer"]
    assert (after["id"], after["city"]) == (before["id"], "Bangor")


async def test_email_of_another_customer_is_refused(client):
    taken = {"uid": "c-9", "email": "ada.whitlock@shopper.example"}
    answer = await client.post("/customers", json={"customer": taken})
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": {"message": "A customer with this email already exists."}},
    )


async def test_who_only_wrote_in_gets_the_shops_uid(client):
    ticket = {
        "comment": {"body": "Hi", "sender_type": "customer"},
        "via": {"source": {"from": {"address": "nell@shopper.example"}}},
    }
    await client.post("/tickets", json={"ticket": ticket})
    answer = await client.post("/customers", json={"customer": {"uid": "c-9", "email": "nell@shopper.example"}})
    assert (answer.status_code, answer.json()["customer"]["uid"]) == (200, "c-9")


async def test_figures_are_those_of_the_orders(client):
    shown = (await client.get(ADA)).json()["customer"]
    assert (shown["orderIds"], shown["lastOrderNumber"]) == (["10369", "10383"], "#FH10383")
    assert shown["ltv"] == pytest.approx(shown["aov"] * 2, abs=0.01)


@pytest.mark.parametrize("body", [{}, {"customer": {}}, {"email": "x@y.example"}, {"customer": {"name": "Nobody"}}])
async def test_customer_needs_the_wrapper_and_something_to_be_known_by(client, body):
    answer = await client.post("/customers", json=body)
    assert (answer.status_code, answer.json()["error"][0]["param"].split(".")[0]) == (400, "customer")


async def test_customer_fields_are_text(client):
    answer = await client.post("/customers", json={"customer": {"uid": "c-9", "phone": 15550100199}})
    assert answer.json()["error"][0]["param"] == "customer.phone"


async def test_nobody_is_404_and_other_look_ups_are_unknown_routes(client):
    assert (await client.get("/customers/email/nobody%40x.example")).status_code == 404
    assert (await client.get("/customers/uid/c-1001")).status_code == 403
