"""Our own limits over three replicas, with Redis and without it."""

import contextlib

import pytest

from tests.support.gateways import running_gateway, settings_for

LIMIT = 60
NOWHERE = "redis://127.0.0.1:9/0"


@contextlib.asynccontextmanager
async def replicas(stores, **settings):
    async with contextlib.AsyncExitStack() as stack:
        wanted = settings_for(stores, token_limit_per_minute=LIMIT, **settings)
        yield [await stack.enter_async_context(running_gateway(wanted)) for _ in range(3)]


@pytest.mark.parametrize(("redis", "least", "most"), [("there", 54, 66), ("away", 30, 90)])
async def test_limit_over_three_replicas(stores, figures, scale, redis, least, most):
    calls = scale(full=600, quick=150)
    async with replicas(stores, **({} if redis == "there" else {"redis_url": NOWHERE})) as three:
        server = await three[0].server()
        statuses = [(await three[number % 3].rpc(server.token, "ping")).status_code for number in range(calls)]
    assert set(statuses) == {200, 429}
    admitted = statuses.count(200)
    figures.record(
        "limits",
        f"admitted of {LIMIT} a minute over 3 replicas, Redis {redis}",
        measured=admitted,
        bar=f"{least} to {most}",
        n=calls,
        holds=least <= admitted <= most,
    )


async def test_claimed_addresses_do_not_widen_the_limit_on_misses(stores, figures, scale):
    attempts = scale(full=1000, quick=100)
    async with running_gateway(settings_for(stores, miss_limit_per_minute=30)) as gateway:
        answered = 0
        for number in range(attempts):
            claimed = {"x-forwarded-for": f"203.0.{number // 250}.{number % 250}"}
            response = await gateway.rpc(f"rpmcp_{number:049}", "ping", headers=claimed)
            answered += response.status_code == 404
            assert response.status_code in {404, 429}
    holds = answered <= 33
    figures.record(
        "limits",
        "dead tokens answered with 404 under spoofed addresses",
        measured=answered,
        bar="<= 33",
        n=attempts,
        holds=holds,
    )
