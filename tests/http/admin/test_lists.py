"""Lists: pages by cursor that neither repeat nor miss what was there before the walk began."""

import pytest

from tests.support.problems import field_problem

LISTS = ["/tenant", "/api-token", "/integrated-account", "/integration/richpanel/tools", "{servers}", "{tools}"]


async def page(gateway, path, key, cursor=None, limit=2):
    params = {"limit": limit} if cursor is None else {"limit": limit, "next_cursor": cursor}
    response = await gateway.admin("GET", path, key=key, params=params)
    assert response.status_code == 200, response.text
    body = response.json()
    assert set(body) == {"result", "next_cursor"}
    assert len(body["result"]) <= limit
    return [row["id"] for row in body["result"]], body["next_cursor"]


@pytest.fixture
async def key(gateway):
    return await gateway.api_token(await gateway.tenant())


async def made(gateway, key, count):
    body = {"integration": "richpanel", "name": "n", "credentials": {"api_key": "rp_test_key"}}
    return [(await gateway.made("/integrated-account", body, key=key))["id"] for _ in range(count)]


async def test_pages_are_newest_first_and_end_with_null(gateway, key):
    accounts = await made(gateway, key, 4)
    first, cursor = await page(gateway, "/integrated-account", key)
    second, end = await page(gateway, "/integrated-account", key, cursor)
    assert set(first + second) == set(accounts)
    assert first + second == sorted(accounts, reverse=True)
    assert cursor is not None
    assert end is None


async def test_walk_sees_every_row_once_while_others_come_and_go(gateway, key):
    accounts = sorted(await made(gateway, key, 7), reverse=True)
    seen, cursor = await page(gateway, "/integrated-account", key)
    gone_before, gone_last, still_to_come = accounts[0], accounts[1], accounts[4]
    for account in (gone_before, gone_last, still_to_come):
        await gateway.admin("DELETE", f"/integrated-account/{account}")
    newcomers = await made(gateway, key, 2)
    while cursor:
        rows, cursor = await page(gateway, "/integrated-account", key, cursor)
        seen += rows
    assert len(seen) == len(set(seen))
    assert set(seen) == set(accounts) - {still_to_come}
    assert not set(seen) & set(newcomers)


async def test_default_page_has_fifty_rows(gateway, key):
    body = {"name": "n"}
    for _ in range(50):
        await gateway.made("/api-token", body, key=key)
    response = (await gateway.admin("GET", "/api-token", key=key)).json()
    assert len(response["result"]) == 50
    assert response["next_cursor"]
    assert len((await gateway.admin("GET", "/api-token", key=key, params={"limit": 100})).json()["result"]) == 51


@pytest.fixture
async def paths(gateway) -> dict[str, str]:
    account = f"/integrated-account/{await gateway.account(await gateway.tenant())}"
    return {"{servers}": f"{account}/mcp", "{tools}": f"{account}/tools"}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "", "1e1", "9" * 30])
async def test_limit_that_is_no_number_from_1_to_100_is_refused(gateway, paths, path, limit):
    response = await gateway.admin("GET", paths.get(path, path), params={"limit": limit})
    field_problem(response, "limit")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", ["", "abc", "AAAA", "é", "\x00", "x" * 512])
async def test_cursor_that_is_none_is_refused_clearly(gateway, paths, path, cursor):
    response = await gateway.admin("GET", paths.get(path, path), params={"next_cursor": cursor})
    assert "cursor of this list" in field_problem(response, "next_cursor")["message"]


async def test_overlong_cursor_is_refused(gateway):
    field_problem(await gateway.admin("GET", "/tenant", params={"next_cursor": "x" * 513}), "next_cursor")


async def test_cursor_of_another_list_tenant_or_filter_is_refused(gateway, key):
    await made(gateway, key, 2)
    other_key = await gateway.api_token(await gateway.tenant())
    _, cursor = await page(gateway, "/integrated-account", key, limit=1)
    for path, caller in (("/api-token", key), ("/integrated-account", other_key), ("/tenant", None)):
        more = {} if caller is None else {"key": caller}
        response = await gateway.admin("GET", path, params={"next_cursor": cursor}, **more)
        field_problem(response, "next_cursor")
    tools = (await gateway.admin("GET", "/integration/richpanel/tools", params={"limit": 1})).json()
    response = await gateway.admin(
        "GET", "/integration/richpanel/tools", params={"methods": "read", "next_cursor": tools["next_cursor"]}
    )
    field_problem(response, "next_cursor")


async def test_altered_cursor_is_refused(gateway, key):
    await made(gateway, key, 2)
    _, cursor = await page(gateway, "/integrated-account", key, limit=1)
    for place in (0, len(cursor) // 2, len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        response = await gateway.admin("GET", "/integrated-account", key=key, params={"next_cursor": changed})
        field_problem(response, "next_cursor")
