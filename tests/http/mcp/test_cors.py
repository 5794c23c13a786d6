"""A page of a listed origin may call and read the answer; one of another may not."""

import pytest

from tests.support.gateways import running_gateway, settings_for

ORIGIN = "https://app.example.com"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,mcp-protocol-version",
}


@pytest.fixture(scope="module")
async def listed(stores):
    async with running_gateway(settings_for(stores, allowed_origins=ORIGIN)) as running:
        yield running


@pytest.fixture(scope="module")
async def server(listed):
    return await listed.server()


async def test_preflight_of_a_listed_origin_allows_the_call(listed, server):
    for url in (server.url, f"{listed.url}/mcp"):
        response = await listed.client.options(url, headers=PREFLIGHT)
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers["access-control-allow-methods"] == "POST"
        assert response.headers["access-control-allow-headers"] == PREFLIGHT["access-control-request-headers"]
        assert response.headers["vary"] == "Origin"


async def test_answers_and_refusals_can_be_read_by_the_page(listed, server):
    answers = [
        await listed.rpc(server.token, "tools/list", headers={"origin": ORIGIN}),
        await listed.rpc("dead", "tools/list", headers={"origin": ORIGIN}),
        await listed.client.post(f"{listed.url}/mcp", json={}, headers={"origin": ORIGIN}),
        await listed.client.get(server.url, headers={"origin": ORIGIN}),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 401, 405]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "retry-after" in answer.headers["access-control-expose-headers"]


@pytest.mark.requirement("transport.origin")
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_other_origins_get_no_permission_at_all(listed, server, origin):
    for response in (
        await listed.client.options(server.url, headers={**PREFLIGHT, "origin": origin}),
        await listed.rpc(server.token, "tools/list", headers={"origin": origin}),
    ):
        assert response.status_code == 403
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_header_names_that_are_none_are_not_repeated(listed, server):
    headers = {**PREFLIGHT, "access-control-request-headers": 'x"><script>'}
    response = await listed.client.options(server.url, headers=headers)
    assert response.headers["access-control-allow-headers"] == ""


async def test_callers_without_an_origin_get_no_such_headers(listed, server):
    response = await listed.rpc(server.token, "tools/list")
    assert not [name for name in response.headers if name.startswith("access-control")]
