"""API tokens: shown once, bound to a tenant, dead when deleted or expired."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_gateway.constants import API_TOKEN_PREFIX
from mcp_gateway.kit import ids, tokens
from tests.support.databases import connected
from tests.support.problems import anonymous, field_problem, problem

KEYS = {"id", "tenant_id", "name", "token_hint", "scopes", "expires_at", "created_at"}


async def test_token_is_in_the_create_answer_and_never_again(gateway):
    tenant_id = await gateway.tenant()
    made = await gateway.made("/api-token", {"name": "laptop", "tenant_id": tenant_id})
    assert set(made) == KEYS | {"token"}
    assert tokens.parse(made["token"], API_TOKEN_PREFIX)
    assert made["token_hint"] == made["token"][-4:]
    assert made["scopes"] == ["read", "write", "tokens", "logs"]
    assert (made["tenant_id"], made["expires_at"]) == (tenant_id, None)
    listed = await gateway.admin("GET", "/api-token", key=made["token"])
    assert listed.json() == {"result": [{k: v for k, v in made.items() if k != "token"}], "next_cursor": None}
    assert made["token"] not in listed.text


async def test_tenant_makes_tokens_for_itself_without_naming_itself(gateway):
    tenant_id = await gateway.tenant()
    key = await gateway.api_token(tenant_id)
    assert (await gateway.made("/api-token", {"name": "second"}, key=key))["tenant_id"] == tenant_id
    assert (await gateway.made("/api-token", {"name": "third", "tenant_id": tenant_id}, key=key))[
        "tenant_id"
    ] == tenant_id


@pytest.mark.parametrize("path", ["/api-token", "/integrated-account"])
async def test_tenant_may_name_only_its_own_and_learns_nothing_of_others(gateway, path):
    key = await gateway.api_token(await gateway.tenant())
    body: dict[str, Any] = {"name": "x"}
    if path == "/integrated-account":
        body |= {"integration": "richpanel", "credentials": {"api_key": "rp_test_key"}}
    foreign, absent = [
        await gateway.admin("POST", path, {**body, "tenant_id": one}, key=key)
        for one in (await gateway.tenant(), ids.new_id(ids.TENANT))
    ]
    field_problem(foreign, "tenant_id")
    assert anonymous(foreign) == anonymous(absent)


@pytest.mark.parametrize("path", ["/api-token", "/integrated-account"])
@pytest.mark.parametrize("tenant", [{}, {"tenant_id": None}])
async def test_operator_has_to_name_the_tenant(gateway, path, tenant):
    body = {"name": "x", **tenant}
    if path == "/integrated-account":
        body |= {"integration": "richpanel", "credentials": {"api_key": "rp_test_key"}}
    assert "required" in field_problem(await gateway.admin("POST", path, body), "tenant_id")["message"]


@pytest.mark.parametrize("tenant_id", ["ten_" + "0" * 26, "", "ten_", "ten_\x00", "nobody", "acc_" + "0" * 26])
async def test_operator_naming_no_tenant_is_told_so(gateway, tenant_id):
    response = await gateway.admin("POST", "/api-token", {"name": "x", "tenant_id": tenant_id})
    assert field_problem(response, "tenant_id")["message"] == "names no tenant"


async def test_deleted_token_is_401_at_once(gateway):
    tenant_id = await gateway.tenant()
    made = await gateway.made("/api-token", {"name": "x", "tenant_id": tenant_id})
    assert (await gateway.admin("GET", "/integration", key=made["token"])).status_code == 200
    response = await gateway.admin("DELETE", f"/api-token/{made['id']}")
    assert (response.status_code, response.json()["id"]) == (200, made["id"])
    problem(await gateway.admin("GET", "/integration", key=made["token"]), 401, "unauthenticated")
    problem(await gateway.admin("DELETE", f"/api-token/{made['id']}"), 404, "not_found")


async def test_token_can_delete_itself(gateway):
    made = await gateway.made("/api-token", {"name": "x", "tenant_id": await gateway.tenant()})
    assert (await gateway.admin("DELETE", f"/api-token/{made['id']}", key=made["token"])).status_code == 200
    problem(await gateway.admin("GET", "/integration", key=made["token"]), 401, "unauthenticated")


NEEDS = {
    "read": ("GET", "/integrated-account", None),
    "write": (
        "POST",
        "/integrated-account",
        {"integration": "richpanel", "name": "n", "credentials": {"api_key": "rp_test_key"}},
    ),
    "tokens": ("POST", "/api-token", {"name": "n"}),
}


@pytest.mark.parametrize("scope", NEEDS)
async def test_token_may_do_what_its_scope_says_and_nothing_else(gateway, scope):
    key = await gateway.api_token(await gateway.tenant(), scopes=[scope])
    for needed, (method, path, body) in NEEDS.items():
        response = await gateway.admin(method, path, body, key=key)
        if needed == scope:
            assert response.is_success, response.text
        else:
            assert f"`{needed}`" in problem(response, 403, "permission_denied")["detail"]


async def test_token_cannot_grant_more_than_it_has(gateway):
    key = await gateway.api_token(await gateway.tenant(), scopes=["tokens", "read"])
    problem(
        await gateway.admin("POST", "/api-token", {"name": "n", "scopes": ["write"]}, key=key), 403, "permission_denied"
    )
    assert (await gateway.made("/api-token", {"name": "n"}, key=key))["scopes"] == ["read", "tokens"]


@pytest.mark.parametrize("scopes", [[], ["fly"], "read", [1], [None], ["read"] * 201])
async def test_scopes_that_are_none_are_refused(gateway, scopes):
    response = await gateway.admin(
        "POST", "/api-token", {"name": "n", "tenant_id": await gateway.tenant(), "scopes": scopes}
    )
    assert problem(response, 422, "invalid_input")["errors"][0]["path"].startswith("scopes")


async def test_unknown_scope_names_the_known_ones(gateway):
    response = await gateway.admin("POST", "/api-token", {"name": "n", "scopes": ["fly"]})
    for scope in ("read", "write", "tokens", "logs"):
        assert scope in field_problem(response, "scopes.0")["message"]


async def test_expiry_is_kept_in_utc_and_checked(gateway):
    tenant_id = await gateway.tenant()
    soon = datetime.now(UTC) + timedelta(seconds=30)
    body = {"name": "n", "tenant_id": tenant_id, "expires_at": soon.isoformat()}
    field_problem(await gateway.admin("POST", "/api-token", body), "expires_at")
    made = await gateway.made("/api-token", {**body, "expires_at": "2090-01-01T02:00:00+02:00"})
    assert made["expires_at"] == "2090-01-01T00:00:00Z"


async def test_a_token_makes_none_that_outlives_it(gateway):
    tenant_id = await gateway.tenant()
    ends = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    made = await gateway.made("/api-token", {"name": "parent", "tenant_id": tenant_id, "expires_at": ends.isoformat()})
    path, key = "/api-token", made["token"]
    for later in (ends + timedelta(seconds=1), ends + timedelta(days=400)):
        refused = await gateway.admin("POST", path, {"name": "n", "expires_at": later.isoformat()}, key=key)
        assert "outlives" in problem(refused, 403, "permission_denied")["detail"]
    sooner = ends - timedelta(minutes=30)
    bodies: list[dict[str, Any]] = [
        {},
        {"expires_at": None},
        {"expires_at": ends.isoformat()},
        {"expires_at": sooner.isoformat()},
    ]
    children = [await gateway.made(path, {"name": "n", **body}, key=key) for body in bodies]
    assert [datetime.fromisoformat(one["expires_at"]) for one in children] == [ends, ends, ends, sooner]
    # One that ends by the minute may still make what ends with it, and the operator is bound by nothing.
    assert (await gateway.made(path, {"name": "n", "tenant_id": tenant_id}))["expires_at"] is None


async def test_no_change_of_a_token_commits_after_its_end(gateway, stores):
    tenant_id = await gateway.tenant()
    token = await gateway.made("/api-token", {"name": "n", "tenant_id": tenant_id})
    account = f"/integrated-account/{await gateway.account(tenant_id)}"
    async with connected(stores.owner_url) as owner:
        async with owner.transaction():
            # Known by its token already, the change waits for its account, and meanwhile the token is deleted.
            await owner.execute("SELECT 1 FROM integrated_accounts WHERE tenant_id = $1 FOR UPDATE", tenant_id)
            change = asyncio.create_task(gateway.admin("POST", f"{account}/mcp", {"name": "s"}, key=token["token"]))
            async with asyncio.timeout(20):
                while not await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.02)
            assert (await gateway.admin("DELETE", f"/api-token/{token['id']}")).status_code == 200
        problem(await change, 401, "unauthenticated")
    assert (await gateway.admin("GET", f"{account}/mcp")).json()["result"] == []


async def test_a_token_may_end_itself_and_two_may_end_each_other_once(gateway):
    tenant_id = await gateway.tenant()
    one = await gateway.made("/api-token", {"name": "n", "tenant_id": tenant_id})
    assert (await gateway.admin("DELETE", f"/api-token/{one['id']}", key=one["token"])).status_code == 200
    problem(await gateway.admin("GET", "/api-token", key=one["token"]), 401, "unauthenticated")
    pair = [await gateway.made("/api-token", {"name": "n", "tenant_id": tenant_id}) for _ in range(2)]
    answers = await asyncio.gather(
        *(
            gateway.admin("DELETE", f"/api-token/{theirs['id']}", key=mine["token"])
            for mine, theirs in (pair, pair[::-1])
        )
    )
    # The other was ended meanwhile, or the database refused the one that waited for it.
    assert min(answer.status_code for answer in answers) == 200
    assert {answer.status_code for answer in answers} <= {200, 401, 503}
    left = (await gateway.admin("GET", "/api-token?limit=100")).json()["result"]
    assert len([one for one in left if one["tenant_id"] == tenant_id]) == 1
