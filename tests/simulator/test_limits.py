from dataclasses import replace

from richpanel_sim.limits import Quota
from richpanel_sim.state import SimulatorState
from tests.simulator.support import KEY, OTHER_KEY, TENANT, connect


async def test_fifty_first_request_is_turned_away_until_the_first_leaves_the_window(client, clock):
    remaining = [int((await client.get("/teams")).headers["x-ratelimit-remaining"]) for _ in range(50)]
    assert remaining == list(range(49, -1, -1))
    clock.advance(12.5)
    refused = await client.get("/teams")
    assert refused.status_code == 429
    assert "50 requests per 30 seconds" in refused.json()["error"]["message"]
    told = {name: value for name, value in refused.headers.items() if "rate" in name or name == "retry-after"}
    assert told == {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0", "retry-after": "18"}
    clock.advance(18)
    assert (await client.get("/teams")).status_code == 200


async def test_waiting_less_than_told_is_not_enough(client, clock):
    for _ in range(50):
        await client.get("/teams")
    clock.advance(29.9)
    refused = await client.get("/teams")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


async def test_keys_of_one_tenant_share_the_quota_and_other_tenants_do_not(state, client):
    for _ in range(50):
        await client.get("/teams")
    async with connect(state, "rp_second_key") as colleague, connect(state, OTHER_KEY) as stranger:
        assert (await colleague.get("/teams")).status_code == 429
        assert (await stranger.get("/teams")).headers["x-ratelimit-remaining"] == "49"


async def test_refused_and_unknown_calls_show_the_quota_without_using_it(state, client):
    async with connect(state, "rp_wrong") as stranger:
        for answer in (await client.get("/nowhere"), await stranger.get("/teams")):
            assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("50", "50")


async def test_retry_after_can_be_kept_back_by_switch(clock):
    state = SimulatorState({KEY: TENANT}, clock=clock, quota=Quota(requests=1, seconds=5))
    state.switches = replace(state.switches, retry_after_header=False)
    async with connect(state) as client:
        await client.get("/teams")
        refused = await client.get("/teams")
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers


async def test_errors_of_the_operation_count_against_the_quota(client):
    assert (await client.get("/tickets/nobody")).headers["x-ratelimit-remaining"] == "49"
