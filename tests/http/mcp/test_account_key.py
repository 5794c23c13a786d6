"""The Richpanel key a call carries is its own account's, and the newest one."""

import pytest

from richpanel_sim.app import create_app
from richpanel_sim.state import SimulatorState
from tests.support.asgi import serving
from tests.support.gateways import running_gateway, settings_for

OLD, NEW, OTHER = "rp_key_old_0001", "rp_key_new_0002", "rp_key_other_0003"
TOOL = "list_all_richpanel_conversations"


@pytest.fixture
async def simulator():
    state = SimulatorState({OLD: "shop", NEW: "shop", OTHER: "othershop"})
    async with serving(create_app(state)) as url:
        yield state, url


def keys_seen(state: SimulatorState) -> list[str]:
    return [
        value.decode()
        for request in state.recorder.requests
        for name, value in request.headers
        if name.lower() == b"x-richpanel-key"
    ]


@pytest.mark.requirement("tools.access-control")
async def test_every_call_carries_the_key_its_account_has_now(stores, simulator):
    state, url = simulator
    async with running_gateway(settings_for(stores, richpanel_url=f"{url}/v1")) as gateway:
        server = await gateway.server(api_key=OLD)
        other = await gateway.server(api_key=OTHER)
        assert not (await gateway.call(server.token, TOOL, {"limit": 1})).get("isError")
        assert not (await gateway.call(other.token, TOOL, {"limit": 1})).get("isError")
        change = {"credentials": {"api_key": NEW}}
        await gateway.admin("PATCH", f"/integrated-account/{server.account_id}", change)
        result = await gateway.call(server.token, TOOL, {"limit": 1})
        assert not result.get("isError")
        assert keys_seen(state) == [OLD, OTHER, NEW]
        for key in (OLD, NEW, OTHER):
            assert key not in str(result)


@pytest.mark.requirement("auth.no-passthrough")
async def test_callers_headers_do_not_travel_on(stores, simulator):
    state, url = simulator
    async with running_gateway(settings_for(stores, richpanel_url=f"{url}/v1")) as gateway:
        server = await gateway.server(api_key=OLD)
        headers = {"x-richpanel-key": OTHER, **dict.fromkeys(("authorization", "cookie", "x-forwarded-for"), "canary")}
        await gateway.call(server.token, TOOL, {"limit": 1}, headers=headers)
        assert keys_seen(state) == [OLD]
        assert "canary" not in str(state.recorder.requests)
