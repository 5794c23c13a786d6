"""No connection leads into the gateway's own network, however the address is written or reached."""

import pytest

from mcp_gateway.exceptions import ConfigurationError, UpstreamUnreachableError
from mcp_gateway.factory import open_factory
from mcp_gateway.upstream.addresses import PUBLIC_ADDRESSES, is_public, private_address
from tests.support.gateways import settings_for
from tests.support.peers import Peer, always, answer
from tests.upstream.conftest import KEY, request

PRIVATE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "192.0.2.1", "192.88.99.1", "240.0.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808", "2002:7f00:1::1", "2001:0:1::1", "100::1", "3fff::1",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "52.1.1.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
SPELLINGS = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "localhost", "LOCALHOST", "0", "[::]",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_others_are(address):
    assert is_public(address)


@pytest.mark.parametrize("host", SPELLINGS)
async def test_every_spelling_of_this_machine_is_found(host):
    assert await private_address(f"http://{host}:9/v1", seconds=5) is not None


async def test_name_that_leads_nowhere_is_no_finding():
    assert await private_address("https://nothing.invalid/v1", seconds=5) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "localhost"])
async def test_nothing_is_sent_to_an_address_that_is_not_public(host, make_client):
    async with Peer(always(answer())) as peer:
        client = make_client(f"http://{host}:{peer.port}", addresses=PUBLIC_ADDRESSES)
        with pytest.raises(UpstreamUnreachableError, match="does not connect to") as caught:
            await client.send(request(), KEY)
        assert not caught.value.sent
        assert peer.connections == 0


async def test_gateway_does_not_start_with_a_private_upstream_that_is_not_allowed(stores):
    settings = settings_for(stores, richpanel_url="http://127.0.0.1:9/v1", allow_private_upstream=False)
    with pytest.raises(ConfigurationError, match=r"Richpanel leads to 127\.0\.0\.1.*ALLOW_PRIVATE_UPSTREAM"):
        await open_factory(settings).__aenter__()
