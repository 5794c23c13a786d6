from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from richpanel_sim.routes import find_route
from richpanel_sim.tickets import read_ticket
from tests.simulator.support import connect, ticket_path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/conversations"),
        ("GET", "/conversations/1/messages"),
        ("DELETE", "/tickets/x"),
        ("PATCH", "/tickets/x"),
        ("GET", "/tickets/"),
        ("GET", "/tickets/a/b"),
        ("GET", "/"),
        ("GET", "/channels"),
    ],
)
async def test_unknown_route_is_403_as_from_api_gateway(client, method, path):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


async def test_other_api_versions_are_unknown_routes(client):
    assert (await client.get("http://sim.example/v2/tickets")).status_code == 403


async def test_write_by_number_is_404(client):
    answer = await client.put("/tickets/number/84920", json={"ticket": {"status": "CLOSED"}})
    assert answer.status_code == 404


@pytest.mark.parametrize("key", [None, "", "rp_wrong"])
@pytest.mark.parametrize("status", [401, 403])
async def test_bad_key_is_refused_as_switched(state, key, status):
    state.switches = replace(state.switches, bad_key_status=status)
    async with connect(state, key) as stranger:
        assert (await stranger.get("/tickets")).status_code == status


@pytest.mark.parametrize("ident", ["<m@x>", "a/b", "?x=1", "a b+c", "%41", "ü", "#", "..a", "number"])
async def test_any_id_is_one_segment_decoded_once(state, client, ident):
    tenant = state.tenant_for("rp_first_key")
    tenant.tickets[ident] = {**tenant.newest_open()[0], "id": ident}
    assert (await client.get(ticket_path(ident))).json()["ticket"]["id"] == ident
    assert (await client.put(ticket_path(ident), json={"ticket": {"status": "CLOSED"}})).status_code == 200
    assert tenant.tickets[ident]["status"] == "CLOSED"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text != "number"))
def test_encoded_ids_come_out_as_they_went_in(ident):
    found = find_route("GET", f"/v1/tickets/{quote(ident, safe='')}".encode())
    assert found is not None
    handler, segments = found
    assert (handler, segments["id"].text) == (read_ticket, ident)
