"""The queue before the log of tool calls: bounded in rows and bytes, whatever becomes of the database."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from mcp_gateway.kit.clock import SystemClock
from mcp_gateway.kit.hash_chain import HashChain
from mcp_gateway.services.call_entries import CallEntries
from mcp_gateway.services.call_log import MAX_BYTES, MAX_ROWS, ToolCallLog, weigh
from mcp_gateway.storage.database import open_engine
from mcp_gateway.storage.uow import UnitOfWork
from mcp_gateway.telemetry.events import ToolCallFinished
from mcp_gateway.telemetry.metrics import Metrics
from tests.support.databases import connected

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"
CHAIN = HashChain({"k": bytes(32)}, b"")
WAIT_SECONDS = 20


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def log_into(metrics):
    """Makes a log that writes into the database of this URL."""
    engines = []

    def make(url):
        engine = open_engine(url, pool_size=1)
        engines.append(engine)
        return ToolCallLog(
            unit_of_work=lambda tenant_id=None: UnitOfWork(engine, tenant_id, audit_chain=CHAIN),
            clock=SystemClock(),
            entries=CallEntries(b"k" * 32),
            on_lost=metrics.tool_calls_lost,
        )

    yield make
    for engine in engines:
        await engine.dispose()


def event(number=0, **more):
    fields: dict[str, Any] = {
        "tenant_id": "ten_x",
        "account_id": "acc_x",
        "server_id": f"mcp_srv_{number}",
        "tool": "t",
        "status": "ok",
        "upstream_status": 200,
        "upstream_seconds": 0.1,
        "seconds": 0.2,
        "arguments": {"limit": number},
    }
    return ToolCallFinished(**fields | more)


def lost(metrics):
    return metrics.registry.get_sample_value("gateway_tool_call_log_lost_total")


async def test_more_calls_than_may_wait_lose_the_oldest_and_are_counted(log_into, metrics, stores):
    log = log_into(stores.database_url)
    for number in range(MAX_ROWS + 25):
        log.tool_call_finished(event(number, tenant_id="ten_bound"))
    assert lost(metrics) == 25
    query = "SELECT server_id FROM tool_calls WHERE tenant_id = 'ten_bound'"
    with capture_logs() as lines:
        running = asyncio.create_task(log.run())
        async with connected(stores.owner_url) as owner, asyncio.timeout(WAIT_SECONDS):
            while len(found := {row[0] for row in await owner.fetch(query)}) < MAX_ROWS:
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        await log.aclose()
    assert [line["calls"] for line in lines if line["event"] == "tool_call_log.lost"] == [25]
    assert found == {f"mcp_srv_{number}" for number in range(25, MAX_ROWS + 25)}


async def test_large_arguments_are_bounded_by_bytes(log_into, metrics):
    log = log_into(NOWHERE)
    text = "x" * 500_000
    for number in range(100):
        log.tool_call_finished(event(number, arguments={"content": text}))
    assert lost(metrics) == 100 - MAX_BYTES // (500_000 + weigh({}) + 600)


async def test_large_arguments_give_way_before_the_calls_of_others(log_into, metrics, stores):
    log = log_into(stores.database_url)
    many = {"c": [0] * 200}  # counts as the largest request there can be
    for number in range(16):
        log.tool_call_finished(event(number, arguments=many, tenant_id="ten_large"))
    for number in range(100):
        log.tool_call_finished(event(number, tenant_id="ten_small"))
    log.tool_call_finished(event(99, arguments=many, tenant_id="ten_large"))
    await log.aclose()
    query = "SELECT tenant_id, server_id FROM tool_calls WHERE tenant_id IN ('ten_large', 'ten_small')"
    async with connected(stores.owner_url) as owner:
        kept = {tuple(row) for row in await owner.fetch(query)}
    assert {server for tenant, server in kept if tenant == "ten_small"} == {f"mcp_srv_{n}" for n in range(100)}
    large = {server for tenant, server in kept if tenant == "ten_large"}
    assert "mcp_srv_99" in large
    assert "mcp_srv_0" not in large
    assert lost(metrics) == 17 - len(large)


async def test_without_a_database_calls_wait_and_are_counted_as_lost_at_the_end(log_into, metrics):
    log = log_into(NOWHERE)
    running = asyncio.create_task(log.run())
    for number in range(10):
        log.tool_call_finished(event(number))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert lost(metrics) == 0
    await log.aclose()
    assert lost(metrics) == 10


async def test_batch_the_database_refuses_does_not_stop_those_behind_it(log_into, metrics, stores):
    log = log_into(stores.database_url)
    running = asyncio.create_task(log.run())
    log.tool_call_finished(event(status=None))
    async with asyncio.timeout(WAIT_SECONDS):
        while lost(metrics) != 1:
            await asyncio.sleep(0.02)
    log.tool_call_finished(event(tenant_id="ten_behind"))
    running.cancel()
    await asyncio.wait([running])
    await log.aclose()
    async with connected(stores.owner_url) as owner:
        assert await owner.fetchval("SELECT count(*) FROM tool_calls WHERE tenant_id = 'ten_behind'") == 1
    assert lost(metrics) == 1


async def test_event_that_cannot_be_told_is_counted(log_into, metrics, stores):
    log = log_into(stores.database_url)
    log.tool_call_finished(event(client=7))
    log.tool_call_finished(event(tenant_id="ten_told"))
    await log.aclose()
    assert lost(metrics) == 1
    async with connected(stores.owner_url) as owner:
        assert await owner.fetchval("SELECT count(*) FROM tool_calls WHERE tenant_id = 'ten_told'") == 1


@pytest.mark.parametrize("arguments", [{"a": [1] * 500_000}, {"a": {str(number): number for number in range(1000)}}])
def test_arguments_of_many_values_are_not_counted_one_by_one(arguments):
    assert weigh(arguments) == 1024 * 1024


def test_names_of_arguments_weigh_too():
    assert weigh({"x" * 100_000: 1}) > 100_000


async def test_calls_that_come_while_a_batch_is_written_wait_for_the_next_one(log_into, metrics, stores):
    """Under steady calls there is always one more: a transaction for each would never end."""
    log = log_into(stores.database_url)
    inner, transactions = log._unit_of_work, 0

    def unit_of_work(tenant_id=None):
        nonlocal transactions
        transactions += 1
        log.tool_call_finished(event(transactions))
        return inner(tenant_id)

    log._unit_of_work = unit_of_work
    log.tool_call_finished(event())
    async with asyncio.timeout(WAIT_SECONDS):
        await log._write()
    assert transactions == 1
    assert log._some.is_set()
    log._unit_of_work = inner
    await log.aclose()
    assert lost(metrics) == 0
