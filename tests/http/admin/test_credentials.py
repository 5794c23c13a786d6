"""Who may call: no credential, a wrong one, one that is no more."""

from datetime import UTC, datetime, timedelta

import pytest

from mcp_gateway.constants import API_TOKEN_PREFIX
from mcp_gateway.kit import tokens
from tests.support.clocks import ShiftedClock
from tests.support.gateways import OPERATOR_KEY, running_gateway, settings_for
from tests.support.problems import problem
from tests.support.routes import admin_routes

OPEN = {"/livez", "/readyz"}
CANARY = "cAnArYcAnArY"
WRONG = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": f"Bearer {CANARY}"},
    {"authorization": f"Bearer {OPERATOR_KEY[:-1]}"},
    {"authorization": f"Bearer {OPERATOR_KEY}{CANARY}"},
    {"authorization": f"Bearer {OPERATOR_KEY} {CANARY}"},
    {"authorization": f"Basic {CANARY}"},
    {"authorization": OPERATOR_KEY},
    {"authorization": f"Bearer é{CANARY}".encode("latin-1")},
    {"authorization": "Bearer rpat_" + "0" * 49},
    {"authorization": f"Bearer {tokens.mint(API_TOKEN_PREFIX).token[:-1]}"},
    {"x-api-token": OPERATOR_KEY},
    {"x-api-key": OPERATOR_KEY},
]


@pytest.mark.parametrize("headers", WRONG, ids=range(len(WRONG)))
async def test_wrong_credential_is_401_with_a_challenge_and_is_not_repeated(gateway, headers):
    response = await gateway.client.get(f"{gateway.url}/tenant", headers=headers)
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert CANARY not in response.text
    assert OPERATOR_KEY not in response.text


async def test_key_in_the_query_is_no_credential(gateway):
    response = await gateway.client.get(f"{gateway.url}/tenant", params={"key": OPERATOR_KEY, "token": OPERATOR_KEY})
    problem(response, 401, "unauthenticated")


async def test_every_route_but_the_probes_needs_a_credential(gateway):
    for route in await admin_routes(gateway):
        ids = dict.fromkeys(route.parameters, "x")
        response = await gateway.client.request(route.method, gateway.url + route.at(**ids), json=route.example)
        if route.path in OPEN:
            assert response.status_code == 200
        else:
            problem(response, 401, "unauthenticated")
            assert route.needs_key, route


async def test_scheme_is_read_in_any_case(gateway):
    for scheme in ("bearer", "BEARER"):
        response = await gateway.client.get(
            f"{gateway.url}/tenant", headers={"authorization": f"{scheme} {OPERATOR_KEY}"}
        )
        assert response.status_code == 200


async def test_mcp_token_is_no_key_to_the_admin_api(gateway):
    server = await gateway.server()
    problem(await gateway.admin("GET", "/integrated-account", key=server.token), 401, "unauthenticated")


async def test_both_operator_keys_work_while_rotating(stores):
    old, new = OPERATOR_KEY, OPERATOR_KEY[::-1]
    async with running_gateway(settings_for(stores, operator_key=f"{new},{old}")) as gateway:
        for key in (old, new):
            assert (await gateway.admin("GET", "/tenant", key=key)).status_code == 200
        problem(await gateway.admin("GET", "/tenant", key=f"{new},{old}"), 401, "unauthenticated")


async def test_expired_token_is_401_the_moment_it_expires(stores):
    clock = ShiftedClock()
    async with running_gateway(settings_for(stores), clock=clock) as gateway:
        expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        key = await gateway.api_token(await gateway.tenant(), expires_at=expires_at)
        assert (await gateway.admin("GET", "/integration", key=key)).status_code == 200
        clock.advance(3601)
        problem(await gateway.admin("GET", "/integration", key=key), 401, "unauthenticated")
