"""`Idempotency-Key`: a POST that is sent again is answered again, and nothing is done twice."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.support.clocks import ShiftedClock
from tests.support.databases import connected
from tests.support.gateways import running_gateway, settings_for
from tests.support.problems import problem

PRINTABLE = "k" * 255


def keyed(key: str | None = None) -> dict[str, str]:
    return {"idempotency-key": key or f'"{uuid4()}"'}


@pytest.fixture
async def tenant_id(gateway) -> str:
    return str(await gateway.tenant())


async def creations(gateway, tenant_id):
    """Each POST of the admin API: path, body."""
    server = await gateway.server(tenant_id=tenant_id)
    account = f"/integrated-account/{server.account_id}"
    credentials = {"api_key": "rp_test_key_0001"}
    return [
        ("/tenant", {"name": "once"}),
        ("/api-token", {"name": "once", "tenant_id": tenant_id}),
        (
            "/integrated-account",
            {"integration": "richpanel", "name": "once", "credentials": credentials, "tenant_id": tenant_id},
        ),
        (f"{account}/mcp", {"name": "once"}),
        (f"{account}/mcp/{server.id}/rotate", {"overlap_seconds": 60}),
        (f"{account}/mcp/{server.id}/rotate", {}),
    ]


async def test_every_post_is_answered_again_and_carried_out_once(gateway, tenant_id):
    for path, body in await creations(gateway, tenant_id):
        headers = keyed()
        first = await gateway.admin("POST", path, body, headers=headers)
        again = await gateway.admin("POST", path, dict(reversed(body.items())), headers=headers)
        assert first.status_code in {200, 201}, first.text
        assert (again.status_code, again.json()) == (first.status_code, first.json()), path
        assert again.headers.get("etag") == first.headers.get("etag")
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        other = await gateway.admin("POST", path, body, headers=keyed())
        assert other.json() != first.json()


async def test_a_replayed_secret_works(gateway, tenant_id):
    account = f"/integrated-account/{await gateway.account(tenant_id)}"
    headers = keyed()
    made = [(await gateway.admin("POST", f"{account}/mcp", {"name": "s"}, headers=headers)).json() for _ in range(2)]
    assert made[0]["token"] == made[1]["token"]
    assert await gateway.tool_names(made[1]["token"])
    assert len((await gateway.admin("GET", f"{account}/mcp")).json()["result"]) == 1


async def test_an_api_tokens_key_is_its_own(gateway, tenant_id):
    tokens = [await gateway.api_token(tenant_id) for _ in range(2)]
    account = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
    headers = keyed('"the same for all"')
    answers = [
        await gateway.admin("POST", account, {"name": "s"}, key=key, headers=headers) for key in (*tokens, *tokens)
    ]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, None, "true", "true"]


async def test_the_key_with_another_request_is_refused(gateway, tenant_id):
    headers = keyed()
    path = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
    assert (await gateway.admin("POST", path, {"name": "s"}, headers=headers)).status_code == 201
    for other, body in ((path, {"name": "t"}), ("/tenant", {"name": "s"})):
        problem(await gateway.admin("POST", other, body, headers=headers), 422, "idempotency_key_reused")
    assert len((await gateway.admin("GET", path)).json()["result"]) == 1


async def test_a_refused_request_is_not_kept(gateway, tenant_id):
    headers = keyed()
    path = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
    problem(await gateway.admin("POST", path, {"name": ""}, headers=headers), 422, "invalid_input")
    problem(
        await gateway.admin("POST", path, {"name": "s", "config": {"tags": ["x"]}}, headers=headers),
        422,
        "invalid_input",
    )
    assert (await gateway.admin("POST", path, {"name": "s"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("key", ['""', "k" * 256, '"open', "två", "a b", '"a\\b"'])
async def test_a_malformed_key_is_refused_and_nothing_is_made(gateway, key):
    name = f"never {uuid4()}"
    answer = await gateway.admin("POST", "/tenant", {"name": name}, headers={"idempotency-key": key.encode()})
    problem(answer, 400, "malformed_request")
    assert name not in (await gateway.admin("GET", "/tenant?limit=100")).text


@pytest.mark.parametrize("pair", [('"a-b"', "a-b"), (f'"{PRINTABLE}"', PRINTABLE), ('"say \\"x\\""', '"say \\"x\\""')])
async def test_quotes_are_no_part_of_a_key(gateway, pair):
    name = f"tenant {uuid4()}"
    made = [await gateway.admin("POST", "/tenant", {"name": name}, headers=keyed(key)) for key in pair]
    assert made[0].json()["id"] == made[1].json()["id"]


async def test_100_at_once_make_one(stores):
    # Connections enough that none of them waits for one until it is told to come back.
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1", database_pool_size=40)
    headers = keyed()
    async with running_gateway(settings) as gateway:
        path = f"/integrated-account/{await gateway.account(await gateway.tenant())}/mcp"
        answers = await asyncio.gather(
            *(gateway.admin("POST", path, {"name": "s"}, headers=headers) for _ in range(100))
        )
        listed = (await gateway.admin("GET", path)).json()["result"]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.text for answer in made}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in made) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "request_in_progress")
    assert len(listed) == 1


async def test_a_deletion_and_keyed_requests_do_not_wait_for_each_other(stores):
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1", database_pool_size=10)
    async with running_gateway(settings) as gateway, connected(stores.owner_url) as owner:
        server = await gateway.server()
        account = f"/integrated-account/{server.account_id}"
        paths = [f"{account}/mcp", f"{account}/mcp/{server.id}/rotate"]
        async with owner.transaction():
            # Both requests get as far as their server's account, and the deletion as far as it can, before any ends.
            await owner.execute("SELECT 1 FROM audit_heads WHERE tenant_id = $1 FOR UPDATE", server.tenant_id)
            await owner.execute("SELECT 1 FROM integrated_accounts WHERE id = $1 FOR UPDATE", server.account_id)
            posts = [
                asyncio.create_task(
                    gateway.admin("POST", path, {"name": "s"} if path is paths[0] else {}, headers=keyed())
                )
                for path in paths
            ]
            await until_waiting(stores, 2)
            deletion = asyncio.create_task(gateway.admin("DELETE", f"/tenant/{server.tenant_id}"))
            await until_waiting(stores, 3)
        answers = [await post for post in posts]
        deleted = await deletion
    assert [answer.status_code for answer in answers] == [201, 200], [answer.text for answer in answers]
    assert deleted.status_code == 200, deleted.text


async def until_waiting(stores, count):
    """Returns once so many statements wait for a lock."""
    async with connected(stores.owner_url) as owner, asyncio.timeout(20):
        while await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < count:
            await asyncio.sleep(0.02)


async def test_the_answer_survives_the_process_that_gave_it(stores):
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")
    headers = keyed()
    async with running_gateway(settings) as one:
        path = f"/integrated-account/{await one.account(await one.tenant())}/mcp"
        first = await one.admin("POST", path, {"name": "s"}, headers=headers)
    async with running_gateway(settings) as two:
        again = await two.admin("POST", path, {"name": "s"}, headers=headers)
    assert again.json() == first.json()


async def test_no_answer_without_its_change_and_none_in_the_clear(gateway, stores, tenant_id):
    key = f"key-{uuid4()}"
    path = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
    made = (await gateway.admin("POST", path, {"name": "canary-name"}, headers=keyed(key))).json()
    async with connected(stores.owner_url) as owner:
        rows = await owner.fetch("SELECT i::text AS row FROM idempotency_keys i WHERE tenant_id = $1", tenant_id)
        assert len(rows) == 1
        for secret in (made["token"], made["id"], "canary-name", key):
            assert secret.encode().hex() not in rows[0]["row"]
            assert secret not in rows[0]["row"]
        # Moved to another tenant's row, it does not open there, and nothing is made in its place.
        other = await gateway.tenant()
        await owner.execute("UPDATE idempotency_keys SET tenant_id = $1 WHERE tenant_id = $2", other, tenant_id)
    problem(await gateway.admin("POST", path, {"name": "canary-name"}, headers=keyed(key)), 409, "request_in_progress")
    assert len((await gateway.admin("GET", path)).json()["result"]) == 1


async def test_after_24_hours_the_key_is_free_and_the_sweep_takes_the_answer(stores):
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1", sweep_seconds=0.05)
    headers = keyed()
    async with running_gateway(settings) as gateway:
        tenant_id = await gateway.tenant()
        path = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
        ids = [(await gateway.admin("POST", path, {"name": "s"}, headers=headers)).json()["id"]]
        async with connected(stores.owner_url) as owner:
            of_tenant = "FROM idempotency_keys WHERE tenant_id = $1"
            left = await owner.fetchval(f"SELECT expires_at - created_at {of_tenant}", tenant_id)
            assert left.total_seconds() == 24 * 3600
            await owner.execute("UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = $1", tenant_id)
            async with asyncio.timeout(20):
                while await owner.fetchval(f"SELECT count(*) {of_tenant}", tenant_id):
                    await asyncio.sleep(0.02)
        ids.append((await gateway.admin("POST", path, {"name": "s"}, headers=headers)).json()["id"])
        assert ids[0] != ids[1]
        # Its answers go with a tenant.
        assert (await gateway.admin("DELETE", f"/tenant/{tenant_id}")).status_code == 200
        async with connected(stores.owner_url) as owner:
            assert await owner.fetchval(f"SELECT count(*) {of_tenant}", tenant_id) == 0


@pytest.mark.parametrize("what", ["token", "server"])
async def test_an_expiry_that_has_come_near_does_not_change_the_answer(stores, what):
    clock = ShiftedClock()
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")
    headers = keyed()
    async with running_gateway(settings, clock=clock) as gateway:
        tenant_id = await gateway.tenant()
        body = {"name": "short", "expires_at": (clock.now() + timedelta(seconds=90)).isoformat()}
        path = "/api-token"
        if what == "token":
            body["tenant_id"] = tenant_id
        else:
            path = f"/integrated-account/{await gateway.account(tenant_id)}/mcp"
        first = await gateway.admin("POST", path, body, headers=headers)
        clock.advance(45)
        again = await gateway.admin("POST", path, body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json() == first.json()
