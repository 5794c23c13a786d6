"""Every route of the admin API against every scope: what is declared is what is demanded."""

import pytest

from mcp_gateway.kit import ids
from mcp_gateway.models.api_tokens import Scope
from tests.support.problems import problem
from tests.support.routes import admin_routes

OPEN = {"/livez", "/readyz"}
OPERATOR = "operator"
TOOLS = {Scope.READ: "list_all_richpanel_conversations", Scope.WRITE: "create_a_richpanel_conversation_tag"}
ABSENT = {"tenant_id": ids.TENANT, "token_id": ids.API_TOKEN, "account_id": ids.ACCOUNT, "mcp_id": ids.SERVER}


@pytest.fixture
async def routes(gateway):
    return [route for route in await admin_routes(gateway) if route.path not in OPEN]


@pytest.fixture
async def keys(gateway):
    """An API token of one tenant for each scope."""
    tenant_id = await gateway.tenant()
    return {scope: await gateway.api_token(tenant_id, scopes=[scope.value]) for scope in Scope}


def at(route, scope):
    """The route's path with ids that never were, and with a tool that needs this scope."""
    values = {name: ids.new_id(prefix) for name, prefix in ABSENT.items()}
    return route.at(**values, name="richpanel", tool_name=TOOLS.get(scope, TOOLS[Scope.READ]))


async def test_every_route_declares_what_it_needs(routes):
    known = {OPERATOR, *Scope}
    for route in routes:
        assert route.scopes, route
        assert all(one and one <= known for one in route.scopes), route


async def test_every_route_demands_the_scope_it_declares_and_no_other(gateway, routes, keys):
    refused = admitted = 0
    for route in routes:
        for scope, key in keys.items():
            response = await gateway.admin(route.method, at(route, scope), route.example, key=key)
            if any(one <= {scope} for one in route.scopes):
                assert response.status_code not in {401, 403}, (route, scope, response.text)
                admitted += 1
            else:
                detail = problem(response, 403, "permission_denied")["detail"]
                needed = next(iter(route.scopes[0]))
                assert (OPERATOR if needed == OPERATOR else f"`{needed}`") in detail, (route, scope)
                refused += 1
    assert refused + admitted == len(routes) * len(Scope)
    assert refused > len(routes)
    assert admitted >= 15


async def test_every_route_admits_the_operator(gateway, routes):
    for route in routes:
        response = await gateway.admin(route.method, at(route, Scope.READ), route.example)
        assert response.status_code not in {401, 403}, (route, response.text)


async def test_missing_scope_is_told_in_the_challenge_too(gateway, keys):
    response = await gateway.admin("GET", "/api-token", key=keys[Scope.READ])
    problem(response, 403, "permission_denied")
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="tokens"'


async def test_reading_scope_does_not_call_a_tool_that_writes(gateway):
    tenant_id = await gateway.tenant()
    key = await gateway.api_token(tenant_id, scopes=["read"])
    account_id = await gateway.account(tenant_id)
    path = f"/integrated-account/{account_id}/tools/{TOOLS[Scope.WRITE]}"
    answer = await gateway.admin("POST", path, {"conversation_id": "c", "tags": ["t"]}, key=key)
    assert "`write`" in problem(answer, 403, "permission_denied")["detail"]


async def test_token_does_not_revoke_one_that_may_do_more(gateway):
    tenant_id = await gateway.tenant()
    keeper = await gateway.api_token(tenant_id, scopes=["tokens"])
    for scopes, status in ((["tokens", "read"], 403), (["logs"], 403), (None, 403), (["tokens"], 200)):
        made = await gateway.made("/api-token", {"name": "n", "tenant_id": tenant_id, "scopes": scopes})
        response = await gateway.admin("DELETE", f"/api-token/{made['id']}", key=keeper)
        assert response.status_code == status, response.text
        alive = await gateway.admin("GET", "/integration", key=made["token"])
        assert (alive.status_code == 401) is (status == 200)
