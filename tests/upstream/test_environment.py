"""Variables of the environment send no request through a proxy."""

import asyncio
import os
import sys

import pytest

from tests.support.peers import Peer, always, answer
from tests.upstream.conftest import KEY

PROGRAM = """
import asyncio, sys
from mcp_gateway.exceptions import UpstreamError
from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient

async def main(base_url: str, key: str) -> None:
    client = IntegrationClient(base_url=base_url, connect_timeout_seconds=5, timeout_seconds=10, max_bytes=4096,
                             max_idle_connections=4)
    try:
        print((await client.send(UpstreamRequest(method="GET", target="/tickets"), key)).status)
    except UpstreamError as exc:
        print(exc.code, exc.sent)
    await client.aclose()

asyncio.run(main(*sys.argv[1:]))
"""
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


async def _run(base_url: str, proxy: str) -> str:
    variables = {name: proxy for upper in VARIABLES for name in (upper, upper.lower())}
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | variables
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, base_url, KEY, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output.decode().strip()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_proxy_variables_are_ignored(host: str):
    """For a name, an IPv4 and an IPv6 address; the last is IPv4 in disguise, so it needs no IPv6 network."""
    async with Peer(always(answer())) as peer, Peer(always(answer())) as proxy:
        assert await _run(f"http://{host}:{peer.port}", proxy.url) == "200"
        assert (len(peer.exchanges), proxy.connections) == (1, 0)


@pytest.mark.parametrize("base_url", ["https://127.0.0.1:9", f"https://{'a' * 64}.example"])
async def test_proxy_variables_are_ignored_when_the_direct_way_is_closed(base_url: str):
    async with Peer(always(answer())) as proxy:
        assert await _run(base_url, proxy.url) == "upstream_unreachable False"
        assert proxy.connections == 0
