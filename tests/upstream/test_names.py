"""Names with several addresses: each is checked, tried in order, and none takes the others' time."""

import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mcp_gateway.exceptions import UpstreamUnreachableError
from mcp_gateway.upstream.addresses import Addresses
from tests.support.peers import Peer, always, answer
from tests.upstream.certificates import server_context
from tests.upstream.conftest import KEY, MakeClient, request

SILENT, GOOD = "127.0.0.2", "127.0.0.1"


def leading_to(*found: str, may_connect: Callable[[str], bool] = lambda _: True) -> Addresses:
    async def look_up(_host: str, _port: int) -> Sequence[str]:
        return found

    return Addresses(may_connect, look_up)


async def test_address_that_is_not_allowed_is_passed_over(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(
            f"http://name.example:{peer.port}", addresses=leading_to(SILENT, GOOD, may_connect=lambda one: one == GOOD)
        )
        assert (await client.send(request(), KEY)).status == 200
        assert peer.exchanges[0].headers["host"] == f"name.example:{peer.port}"


async def test_name_that_leads_to_forbidden_addresses_only_is_unreachable(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url, addresses=leading_to(GOOD, may_connect=lambda _: False))
        with pytest.raises(UpstreamUnreachableError, match="does not connect to") as caught:
            await client.send(request("POST"), KEY)
        assert not caught.value.sent
        assert peer.connections == 0


async def test_next_address_is_tried_where_one_refuses(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url, addresses=leading_to(SILENT, GOOD))
        assert (await client.send(request("POST"), KEY)).status == 200
        assert len(peer.exchanges) == 1


async def test_address_that_swallows_everything_leaves_the_next_its_share(make_client: MakeClient, tmp_path: Path):
    """It accepts and never answers the TLS handshake."""
    context, certificate = server_context(tmp_path)
    async with Peer(always(answer()), tls=context) as peer:
        with socket.create_server((SILENT, peer.port)):
            client = make_client(
                f"https://localhost:{peer.port}",
                addresses=leading_to(SILENT, GOOD),
                ca_certificates=certificate,
                connect_timeout_seconds=1.0,
            )
            assert (await client.send(request("POST"), KEY)).status == 200
        assert len(peer.exchanges) == 1


async def test_certificate_of_another_name_is_unreachable(make_client: MakeClient, tmp_path: Path):
    context, certificate = server_context(tmp_path)
    async with Peer(always(answer()), tls=context) as peer:
        client = make_client(
            f"https://other.example:{peer.port}", addresses=leading_to(GOOD), ca_certificates=certificate
        )
        with pytest.raises(UpstreamUnreachableError) as caught:
            await client.send(request("POST"), KEY)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert peer.exchanges == []
