"""What happens when callers meet on the same objects."""

import asyncio


async def test_of_fifty_changes_to_the_same_version_exactly_one_wins(gateway):
    server = await gateway.server()
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    answers = await asyncio.gather(
        *(gateway.admin("PATCH", path, {"name": f"n{n}"}, headers={"if-match": '"1"'}) for n in range(50))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 49


async def test_changes_without_a_version_all_hold_one_after_the_other(gateway):
    server = await gateway.server()
    path = f"/integrated-account/{server.account_id}/mcp/{server.id}"
    answers = await asyncio.gather(*(gateway.admin("PATCH", path, {"name": f"n{n}"}) for n in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert sorted(answer.headers["etag"] for answer in answers) == sorted(f'"{n}"' for n in range(2, 22))


async def test_no_server_outlives_an_account_that_is_deleted_while_servers_are_added_to_it(gateway):
    tenant_id = await gateway.tenant()
    account_id = await gateway.account(tenant_id)
    path = f"/integrated-account/{account_id}"
    made = [gateway.admin("POST", f"{path}/mcp", {"name": f"s{n}"}) for n in range(15)]
    gone = gateway.admin("DELETE", path)
    more = [gateway.admin("POST", f"{path}/mcp", {"name": f"t{n}"}) for n in range(15)]
    answers = await asyncio.gather(*made, gone, *more)
    assert {answer.status_code for answer in answers} <= {200, 201, 404}
    assert answers[15].status_code == 200
    for answer in answers:
        if answer.status_code == 201:
            assert (await gateway.rpc(answer.json()["token"], "tools/list")).status_code == 404


async def test_nothing_outlives_a_tenant_that_is_deleted_while_things_are_added_to_it(gateway):
    tenant_id = await gateway.tenant()
    account = {
        "integration": "richpanel",
        "name": "shop",
        "credentials": {"api_key": "rp_test_key_0001"},
        "tenant_id": tenant_id,
    }
    requests = []
    for n in range(12):
        requests.append(gateway.admin("POST", "/integrated-account", account))
        requests.append(gateway.admin("POST", "/api-token", {"name": f"t{n}", "tenant_id": tenant_id}))
        if n == 6:
            requests.append(gateway.admin("DELETE", f"/tenant/{tenant_id}"))
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {200, 201, 422}
    for answer in answers:
        body = answer.json()
        if "token" in body:
            assert (await gateway.admin("GET", "/integration", key=body["token"])).status_code == 401
        elif answer.status_code == 201:
            assert (await gateway.admin("GET", f"/integrated-account/{body['id']}")).status_code == 404


async def test_deleting_the_same_thing_at_once_succeeds_once(gateway):
    server = await gateway.server()
    for path in (
        f"/integrated-account/{server.account_id}/mcp/{server.id}",
        f"/integrated-account/{server.account_id}",
        f"/tenant/{server.tenant_id}",
    ):
        answers = await asyncio.gather(*(gateway.admin("DELETE", path) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9
