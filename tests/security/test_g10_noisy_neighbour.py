"""G10: one tenant's upstream hangs with hundreds of calls in flight, and another tenant does not hear of it."""

import asyncio
import contextlib
import statistics
import time

import httpx
import orjson
from starlette.types import Receive, Scope, Send

from tests.support.asgi import serving
from tests.support.gateways import Gateway, running_gateway, settings_for
from tests.support.upstreams import GET

NOISY_KEY, QUIET_KEY = "rp_test_key_noisy", "rp_test_key_quiet"
WARM_UP = 50
LIMIT_SECONDS = 300


class TwoShops:
    """Answers one key at once, and the other only when it may."""

    def __init__(self) -> None:
        self.body = orjson.dumps({"ticket": {"id": "c1", "subject": "Where is my parcel?", "status": "OPEN"}})
        self.hanging = 0
        self.may_answer = asyncio.Event()

    def hold(self) -> None:
        """From now on, until it may answer."""
        self.hanging = 0
        self.may_answer.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        if dict(scope["headers"])[b"x-richpanel-key"].decode() == NOISY_KEY:
            self.hanging += 1
            await self.may_answer.wait()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def quiet_calls(gateway, token, count):
    """Seconds of each call, one after the other, and how many failed."""
    seconds, errors = [], 0
    for _ in range(count):
        started = time.perf_counter()
        result = await gateway.call(token, GET, {"id": "c1"})
        seconds.append(time.perf_counter() - started)
        errors += result["isError"]
    return seconds, errors


def p99(seconds):
    return sorted(seconds)[int(len(seconds) * 0.99) - 1]


async def until_hanging(upstream, count, noisy):
    async with asyncio.timeout(LIMIT_SECONDS):
        while upstream.hanging < count and not any(task.done() for task in noisy):
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def two_tenants(stores, **settings):
    """The gateway, its upstream, a client for hundreds of calls at once, and a server of either tenant."""
    upstream = TwoShops()
    unlimited = httpx.Limits(max_connections=None)
    # However slow the machine: what hangs goes on hanging, and is answered in one piece.
    settings |= {"upstream_timeout_seconds": LIMIT_SECONDS, "stream_after_seconds": LIMIT_SECONDS}
    async with (
        serving(upstream) as url,
        running_gateway(settings_for(stores, richpanel_url=url, **settings)) as gateway,
        httpx.AsyncClient(timeout=LIMIT_SECONDS, limits=unlimited) as client,
    ):
        noisy = await gateway.server(api_key=NOISY_KEY)
        quiet = await gateway.server(api_key=QUIET_KEY)
        yield gateway, upstream, Gateway(gateway.url, client), noisy.token, quiet.token


async def test_hanging_calls_of_one_tenant_cost_another_nothing(stores, figures, scale):
    hanging, calls = scale(full=500, quick=50), scale(full=1000, quick=50)
    rounds, ratios, errors = scale(full=5, quick=1), [], 0
    async with two_tenants(stores) as world:
        gateway, quiet = world[0], world[-1]
        await quiet_calls(gateway, quiet, WARM_UP)
        # Each round has a baseline of its own, and the median of the rounds counts: what else the machine does for
        # a second is neither held against the gateway nor to its credit.
        for _ in range(rounds):
            baseline, failed = await quiet_calls(gateway, quiet, calls)
            loaded, failed_under_load = await calls_beside(hanging, world, calls)
            ratios.append(p99(loaded) / p99(baseline))
            errors += failed + failed_under_load
    n = rounds * calls
    figures.record(
        "G10", f"errors of B while {hanging} calls of A hang", measured=errors, bar="0", n=n, holds=not errors
    )
    if scale.is_full:
        ratio = statistics.median(ratios)
        what = f"B's p99 against its baseline, median of {rounds} rounds"
        figures.record("G10", what, measured=f"{ratio:.2f}", bar="<= 1.2", n=n, holds=ratio <= 1.2)


async def calls_beside(hanging, world, count):
    """B's calls while that many of A's hang; those of A then end well."""
    gateway, upstream, crowd, noisy, quiet = world
    upstream.hold()
    waiting = [asyncio.create_task(crowd.call(noisy, GET, {"id": "c1"})) for _ in range(hanging)]
    await until_hanging(upstream, hanging, waiting)
    assert upstream.hanging == hanging
    found = await quiet_calls(gateway, quiet, count)
    upstream.may_answer.set()
    assert not any(result["isError"] for result in await asyncio.gather(*waiting))
    return found


async def test_tenant_that_fills_its_bulkhead_is_told_at_once_and_another_has_room(stores, figures, scale):
    places, calls = scale(full=400, quick=40), scale(full=1000, quick=30)
    async with two_tenants(stores, tenant_concurrency=places, concurrency=2 * places) as world:
        gateway, upstream, crowd, noisy, quiet = world
        waiting = [asyncio.create_task(crowd.call(noisy, GET, {"id": "c1"})) for _ in range(places)]
        await until_hanging(upstream, places, waiting)
        refused = await asyncio.gather(*(crowd.call(noisy, GET, {"id": "c1"}) for _ in range(places)))
        _, errors = await quiet_calls(gateway, quiet, calls)
        upstream.may_answer.set()
        await asyncio.gather(*waiting)
    kinds = {result["structuredContent"]["error"]["type"] for result in refused}
    assert (kinds, upstream.hanging) == ({"overloaded"}, places)
    figures.record("G10", "errors of B while A's places are taken", measured=errors, bar="0", n=calls, holds=not errors)
