"""The endpoint under thousands of hostile requests: never a 5xx, never a traceback, and a clean call works afterwards.

`FUZZ_BODIES` and `FUZZ_SEED` choose how many and which; `make fuzz` takes 10,000.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.fuzz.corpus import LIST, Attempt, attempts
from tests.support.gateways import Gateway, McpServer, Stores, running_gateway, settings_for
from tests.support.logs import captured_logs

BODIES = int(os.environ.get("FUZZ_BODIES", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
REPEATED = 300
ALLOWED = {200, 202, 400, 403, 404, 405, 406, 413, 415, 421, 429}
CONNECTIONS = 8
KEY = "rp_fuzz_key_0001"


@contextlib.asynccontextmanager
async def fuzzed(stores: Stores) -> AsyncIterator[tuple[Gateway, McpServer]]:
    """A gateway that logs everything, and a server of it with a simulator whose quota does not end."""
    simulator = SimulatorState({KEY: "fernhollow417"}, quota=Quota(requests=10**9))
    async with running(create_simulator(simulator)) as url:
        settings = settings_for(stores, richpanel_url=url, log_level="debug")
        async with running_gateway(settings) as gateway:
            yield gateway, await gateway.server(api_key=KEY)


async def send(gateway: Gateway, server: McpServer, attempt: Attempt) -> int:
    """The status; 0 for one whose body is cut, which nobody answers."""
    if attempt.truncated:
        await cut(gateway, server, attempt)
        return 0
    response = await gateway.client.request(
        attempt.method, f"{gateway.url}/mcp/{server.token}", content=attempt.body, headers=attempt.headers
    )
    return response.status_code


async def cut(gateway: Gateway, server: McpServer, attempt: Attempt) -> None:
    """Promise more than is sent, then hang up."""
    address = urlsplit(gateway.url)
    _reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [f"POST /mcp/{server.token} HTTP/1.1", "host: x", "content-type: application/json", "content-length: 9999"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + attempt.body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def statuses(gateway: Gateway, server: McpServer, count: int) -> list[int]:
    """Of the first `count` attempts, in their order."""
    gate = asyncio.Semaphore(CONNECTIONS)

    async def one(attempt: Attempt) -> int:
        async with gate:
            return await send(gateway, server, attempt)

    return await asyncio.gather(*(one(attempt) for attempt in attempts(SEED, count)))


async def test_no_request_brings_a_5xx_or_a_traceback_and_a_clean_call_works_afterwards(stores):
    with captured_logs() as logs:
        async with fuzzed(stores) as (gateway, server):
            found = await statuses(gateway, server, BODIES)
            answer = await gateway.call(server.token, LIST, {"limit": 1})
        written = logs.getvalue()
    assert set(found) - {0} <= ALLOWED
    assert {200, 202, 400, 404, 405, 415} <= set(found)
    assert len(answer["structuredContent"]["result"]) == 1
    assert "http.request" in written
    assert "Traceback" not in written
    assert '"level":"error"' not in written
    assert server.token not in written


async def test_the_same_seed_brings_the_same_statuses(stores):
    async with fuzzed(stores) as (gateway, server):
        first = await statuses(gateway, server, REPEATED)
        assert await statuses(gateway, server, REPEATED) == first
