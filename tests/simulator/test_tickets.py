from dataclasses import replace

import pytest

from tests.simulator.support import KEY, OTHER_KEY, connect, ticket_path

TICKET_KEYS = {
    *("app_client_id", "assignee_id", "comments", "conversation_no", "cookieId", "created_at", "customFields"),
    *("customer_profile", "first_response_time", "id", "organization_id", "priority", "recipient"),
    *("satisfaction_rating", "scenarioId", "scenarioName", "scenario_id", "scenario_name", "status", "subject"),
    *("tags", "updated_at", "url", "via"),
}


@pytest.fixture
def parcel(state):
    """The newest open conversation: an e-mail that asks for a parcel."""
    return state.tenant_for(KEY).newest_open()[0]


async def test_list_is_newest_first_without_threads(client):
    page = (await client.get("/tickets", params={"per_page": 100})).json()
    created = [ticket["created_at"] for ticket in page["ticket"]]
    assert (len(created), page["count"]) == (60, 60)
    assert created == sorted(created, reverse=True)
    assert all(ticket["comments"] == [] for ticket in page["ticket"])
    assert (page["next_page"], page["previous_page"]) == (None, None)


async def test_pages_follow_their_links_and_meet_every_ticket_once(client):
    url, seen, page = "/tickets?per_page=7&sortKey=updatedAt", [], {}
    while url:
        page = (await client.get(url)).json()
        seen += [ticket["conversation_no"] for ticket in page["ticket"]]
        url = page["next_page"]
    assert sorted(seen) == list(range(84861, 84921))
    assert "page=8" in page["previous_page"]
    assert "sortKey=updatedAt" in page["previous_page"]


async def test_last_page_that_is_full_has_no_next_one(client):
    page = (await client.get("/tickets", params={"page": 3, "per_page": 20})).json()
    assert (len(page["ticket"]), page["next_page"]) == (20, None)


async def test_page_size_is_cut_to_a_hundred(state, client):
    tenant = state.tenant_for(KEY)
    first = tenant.newest_open()[0]
    tenant.tickets.update({f"more-{n}": {**first, "id": f"more-{n}", "conversation_no": 90000 + n} for n in range(60)})
    assert len((await client.get("/tickets", params={"per_page": 500})).json()["ticket"]) == 100


async def test_page_beyond_the_end_has_no_ticket_key(client):
    assert (await client.get("/tickets", params={"page": 9})).json() == {
        "count": 60,
        "next_page": None,
        "previous_page": "http://sim.example/v1/tickets?page=8",
    }


async def test_filter_that_matches_nothing_has_no_ticket_key(client):
    page = (await client.get("/tickets", params={"status": "SNOOZED"})).json()
    assert page == {"count": 0, "next_page": None, "previous_page": None}


@pytest.mark.parametrize("spelling", ["order", "sortOrder"])
async def test_list_filters_by_status_and_sorts_upwards_in_both_spellings(client, spelling):
    query = {"status": "OPEN", spelling: "asc", "sortKey": "createdAt"}
    tickets = (await client.get("/tickets", params=query)).json()["ticket"]
    created = [ticket["created_at"] for ticket in tickets]
    assert created == sorted(created)
    assert {ticket["status"] for ticket in tickets} == {"OPEN"}


@pytest.mark.parametrize("query", [{"page": "0"}, {"page": "x"}, {"per_page": "-1"}])
async def test_page_numbers_that_are_none_get_a_validation_list(client, query):
    answer = await client.get("/tickets", params=query)
    [(name, value)] = query.items()
    assert answer.status_code == 400
    assert answer.json() == {"error": [{"value": value, "msg": "Invalid value", "param": name, "location": "query"}]}


async def test_ticket_is_read_by_id_and_by_number_with_its_whole_key_set(client, parcel):
    by_id = (await client.get(ticket_path(parcel["id"]))).json()
    by_number = (await client.get(f"/tickets/number/{parcel['conversation_no']}")).json()
    assert by_id == by_number
    assert by_id["ticket"].keys() == TICKET_KEYS
    assert by_id["ticket"]["comments"][0]["body"].startswith("<div")


@pytest.mark.parametrize("path", ["/tickets/nobody", "/tickets/number/1"])
async def test_unknown_ticket_reads_as_404(client, path):
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": {"message": "No conversations found with the given Id."}}


@pytest.mark.parametrize(
    ("tail", "body"),
    [((), {"ticket": {"status": "CLOSED"}}), (("add-tags",), {"tags": ["a"]}), (("remove-tags",), {"tags": ["a"]})],
)
async def test_unknown_ticket_is_not_updated(client, tail, body):
    answer = await client.put(ticket_path("nobody", *tail), json=body)
    assert answer.status_code == 404
    assert answer.json() == {"errors": {"message": "Provided conversation id does not exist."}}


async def test_another_tenants_ticket_does_not_exist(state, parcel):
    async with connect(state, OTHER_KEY) as other:
        assert (await other.get(ticket_path(parcel["id"]))).status_code == 404


async def test_every_known_field_is_updated_and_shown_again(client, clock, parcel):
    clock.advance(60)
    fields = {"status": "CLOSED", "priority": "HIGH", "subject": "Found", "assignee_id": "u-1", "tags": ["vip", "vip"]}
    change = {**fields, "customer_profile": {"lastName": "Lark"}}
    assert (await client.put(ticket_path(parcel["id"]), json={"ticket": change})).status_code == 200
    shown = (await client.get(ticket_path(parcel["id"]))).json()["ticket"]
    assert shown.items() >= {**fields, "tags": ["vip"], "updated_at": "2026-11-20T09:01:00.000Z"}.items()
    assert (shown["customer_profile"]["firstName"], shown["customer_profile"]["lastName"]) == ("Ada", "Lark")


@pytest.mark.parametrize("change", [{"state": "closed"}, {"mood": "grim", "id": "x", "conversation_no": 1}, {}])
async def test_unknown_keys_and_state_are_ignored_with_200(client, clock, parcel, change):
    before = (await client.get(ticket_path(parcel["id"]))).json()
    clock.advance(60)
    assert (await client.put(ticket_path(parcel["id"]), json={"ticket": change})).status_code == 200
    assert (await client.get(ticket_path(parcel["id"]))).json() == before


async def test_comment_is_appended_as_an_internal_note(client, parcel):
    note = {"body": "<p>Held at <b>depot</b> &amp; moving</p>", "sender_type": "operator", "public": False}
    await client.put(ticket_path(parcel["id"]), json={"ticket": {"comment": note}})
    *_, last = (await client.get(ticket_path(parcel["id"]))).json()["ticket"]["comments"]
    expected = {**note, "plain_body": "Held at depot & moving", "is_operator": True, "author_id": "operator"}
    assert last.items() >= expected.items()
    assert last["created_at"] == "2026-11-20T09:00:00.000Z"


async def test_customers_comment_keeps_the_customers_author(client, parcel):
    await client.put(
        ticket_path(parcel["id"]), json={"ticket": {"comment": {"body": "Hello?", "sender_type": "customer"}}}
    )
    first, last = (await client.get(ticket_path(parcel["id"]))).json()["ticket"]["comments"]
    assert (last["author_id"], last["is_operator"], last["public"]) == (first["author_id"], False, True)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"status": "CLOSED"}, {"param": "ticket"}),
        ({"ticket": "CLOSED"}, {"param": "ticket", "value": "CLOSED"}),
        ([], {"param": "ticket"}),
        ({"ticket": {"status": "closed"}}, {"param": "ticket.status", "value": "closed"}),
        ({"ticket": {"status": "RESOLVED"}}, {"param": "ticket.status", "value": "RESOLVED"}),
        ({"ticket": {"priority": "urgent"}}, {"param": "ticket.priority", "value": "urgent"}),
        ({"ticket": {"tags": "vip"}}, {"param": "ticket.tags", "value": "vip"}),
        ({"ticket": {"comment": {}}}, {"param": "ticket.comment.body"}),
        ({"ticket": {"comment": {"body": " "}}}, {"param": "ticket.comment.body", "value": " "}),
        (
            {"ticket": {"comment": {"body": "x", "sender_type": "bot"}}},
            {"param": "ticket.comment.sender_type", "value": "bot"},
        ),
        ({"ticket": {"comment": {"body": "x", "public": "no"}}}, {"param": "ticket.comment.public", "value": "no"}),
    ],
)
async def test_wrong_update_gets_a_validation_list_and_changes_nothing(client, parcel, body, fault):
    before = (await client.get(ticket_path(parcel["id"]))).json()
    answer = await client.put(ticket_path(parcel["id"]), json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": [{**fault, "msg": "Invalid value", "location": "body"}]}
    assert (await client.get(ticket_path(parcel["id"]))).json() == before


async def test_body_that_is_not_declared_as_json_counts_as_missing(client, parcel):
    answer = await client.put(ticket_path(parcel["id"]), content=b'{"ticket": {}}', headers={"content-type": "text/x"})
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, "ticket")


async def test_broken_json_is_400(client, parcel):
    answer = await client.put(
        ticket_path(parcel["id"]), content=b'{"ticket"', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert "not valid JSON" in answer.json()["error"]["message"]


async def test_tags_are_added_once_and_removed(client, parcel):
    path = ticket_path(parcel["id"])
    await client.put(f"{path}/add-tags", json={"tags": ["vip", "where-is-my-order", "Any Name"]})
    assert (await client.get(path)).json()["ticket"]["tags"] == ["where-is-my-order", "vip", "Any Name"]
    await client.put(f"{path}/remove-tags", json={"tags": ["where-is-my-order", "never there"]})
    assert (await client.get(path)).json()["ticket"]["tags"] == ["vip", "Any Name"]


@pytest.mark.parametrize("body", [{}, {"tags": []}, {"tags": "vip"}, {"tags": [1]}, {"ticket": {"tags": ["vip"]}}])
async def test_tag_calls_want_a_list_of_text(client, parcel, body):
    answer = await client.put(ticket_path(parcel["id"], "add-tags"), json=body)
    assert (answer.status_code, answer.json()["error"][0]["param"]) == (400, "tags")


async def test_merge_switch_keeps_old_tags_on_update(state, client, parcel):
    state.switches = replace(state.switches, put_tags="merge")
    await client.put(ticket_path(parcel["id"]), json={"ticket": {"tags": ["vip"]}})
    assert parcel["tags"] == ["where-is-my-order", "vip"]


async def test_list_switches_hide_or_show_threads_and_spell_the_operator_mark(state, client):
    state.switches = replace(state.switches, list_comments="absent")
    assert "comments" not in (await client.get("/tickets")).json()["ticket"][0]
    state.switches = replace(state.switches, list_comments="full", operator_key="isOperator")
    [comment] = (await client.get("/tickets")).json()["ticket"][0]["comments"]
    assert (comment["isOperator"], "is_operator" in comment) == (False, False)


async def test_list_can_be_forbidden_while_reading_works(state, client, parcel):
    state.switches = replace(state.switches, list_forbidden=True)
    assert (await client.get("/tickets")).status_code == 403
    assert (await client.get(ticket_path(parcel["id"]))).status_code == 200


async def test_validation_list_moves_to_the_other_key_by_switch(state, client, parcel):
    state.switches = replace(state.switches, validation_key="errors")
    assert (await client.put(ticket_path(parcel["id"]), json={})).json().keys() == {"errors"}
