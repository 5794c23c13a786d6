"""Which Host and Origin are answered: the defence against DNS rebinding."""

import pytest

from tests.support.gateways import running_gateway, settings_for
from tests.support.raw_http import exchange

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


@pytest.fixture(scope="module")
async def strict(stores):
    """A gateway with the default list of hosts."""
    settings = settings_for(stores, allowed_hosts="mcp.internal,other:8443", allowed_origins="https://app.example.com/")
    async with running_gateway(settings) as running:
        yield running


@pytest.fixture(scope="module")
async def token(strict):
    return (await strict.server()).token


@pytest.mark.parametrize(
    "host",
    [
        "gateway.example",
        "GATEWAY.example",
        "gateway.example:80",
        "mcp.internal",
        "other:8443",
        "localhost",
        "localhost:81",
        "127.0.0.1:9",
        "[::1]:9",
        "[::1]",
    ],
)
async def test_own_and_loopback_hosts_are_answered(strict, token, host):
    assert (await strict.rpc(token, "ping", headers={"host": host})).status_code == 200


@pytest.mark.requirement("transport.host")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "gateway.example.evil",
        "evil.gateway.example",
        "other",
        "localhost.evil:80",
        "127.0.0.2",
        "x@gateway.example",
        "gateway.example@evil.example",
        "gateway.example.",
        "gateway.example:",
        "gateway.example:443",
        "gateway.example:080",
        "gateway.example:80:80",
        "gateway.example/evil",
        "gateway.example#evil",
        "gateway.example,evil.example",
        "gateway.example evil.example",
        "http://gateway.example",
        "xn--gateway-example",
        "gateway%2eexample",
        "gateway\xa0.example",
        "localhost.",
        "localhost:x",
        "localhost:",
        "localhost:123456",
        "localhost:\xb2",
        "localhost@evil.example",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "::1",
        "[::1",
        "[::ffff:127.0.0.1]",
        "[::1].evil.example",
        "[::1]:80:80",
        "",
    ],
)
async def test_other_hosts_are_421(strict, token, host):
    response = await strict.rpc(token, "ping", headers={"host": host.encode("latin-1")})
    assert response.status_code == 421
    assert response.json()["error"]["message"]
    assert "evil" not in response.text


@pytest.mark.requirement("transport.origin")
@pytest.mark.parametrize("origin", ["https://app.example.com", "https://APP.example.com", "http://gateway.example"])
async def test_listed_origins_are_answered(strict, token, origin):
    assert (await strict.rpc(token, "ping", headers={"origin": origin})).status_code == 200


@pytest.mark.requirement("transport.origin")
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com.evil",
        "https://evil.app.example.com",
        "https://app.example.com:443",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://app.example.com/",
        "https://app.example.com@evil.example",
        "https://user@app.example.com",
        "https://app.example.com evil",
        "https://app.example.com,https://evil.example",
        "https:app.example.com",
        "https//app.example.com",
        "//app.example.com",
        "app.example.com",
        "https://xn--app-example-com",
        "file://",
        "chrome-extension://abc",
        "null",
        "",
        "http://localhost",
        "http://[::1]",
    ],
)
async def test_other_origins_are_403(strict, token, origin):
    response = await strict.rpc(token, "ping", headers={"origin": origin})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("host: gateway.example", "host: evil.example"), b"421"),
        (("host: gateway.example", "host: gateway.example"), b"421"),
        ((), b"421"),
        (("host: gateway.example", *["origin: https://app.example.com"] * 2), b"403"),
        (("host: gateway.example", "origin: https://app.example.com", "origin: https://evil.example"), b"403"),
    ],
)
async def test_two_of_what_must_be_one_are_refused(strict, token, lines, status):
    fields = ("content-type: application/json", f"content-length: {len(PING)}", "connection: close")
    request = "\r\n".join([f"POST /mcp/{token} HTTP/1.1", *lines, *fields, "", ""]).encode() + PING
    assert (await exchange(strict.url, request)).split(b" ")[1] == status


async def test_origin_is_checked_before_the_token(strict):
    assert (await strict.rpc("dead", "ping", headers={"origin": "https://evil.example"})).status_code == 403


async def test_any_host_is_answered_where_the_operator_says_so(gateway):
    server = await gateway.server()
    assert (await gateway.rpc(server.token, "ping", headers={"host": "anything"})).status_code == 200
    assert (await gateway.rpc(server.token, "ping", headers={"origin": "https://evil.example"})).status_code == 403
