"""G6: whatever is sent to the MCP endpoint or the admin API, nothing fails inside, and memory stays where it was."""

import asyncio
import contextlib
import gc
import json
import sys
from collections import UserDict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.fuzz.corpus import LIST
from tests.fuzz.test_fuzz import ALLOWED, KEY, statuses
from tests.support.databases import fresh_database
from tests.support.gateways import OPERATOR_KEY, Gateway, running_gateway, settings_for
from tests.support.logs import captured_logs
from tests.support.memory import MEGABYTE, resident_bytes

TENANT = "fernhollow417"
SEED = "20261125"
MAX_GROWTH = 50 * MEGABYTE
RUN_SECONDS = 1800
"""A bound and no bar: four minutes on two cores to itself."""
UNKNOWABLE = "positive_data_acceptance"
"""The check left out: cursors, ids, ETags and tool names are strings by schema, and only those we gave are taken."""


class AnyKey(UserDict[str, str]):
    """Every key opens the one shop: accounts are made with keys that nobody foresees."""

    def get(self, _key: str, _default: Any = None) -> str:
        return TENANT


@pytest.fixture
def own_stores(postgres_admin_url, redis_url):
    """Thousands of tenants and tokens are made, which no other test should meet in its lists."""
    with fresh_database(postgres_admin_url, "fuzzed", redis_url) as stores:
        yield stores


@contextlib.asynccontextmanager
async def world(stores) -> AsyncIterator[Gateway]:
    simulator = SimulatorState({KEY: TENANT}, quota=Quota(requests=10**9))
    simulator.keys = AnyKey()  # type: ignore[assignment]
    async with (
        running(create_simulator(simulator)) as url,
        running_gateway(settings_for(stores, richpanel_url=url, log_level="error", log_format="json")) as gateway,
    ):
        yield gateway


async def test_no_body_to_the_mcp_endpoint_brings_a_fault_or_costs_memory(own_stores, figures, scale):
    n = scale(full=10_000, quick=300)
    with captured_logs() as logs:
        async with world(own_stores) as gateway:
            server = await gateway.server(api_key=KEY)
            await statuses(gateway, server, n // 10)
            gc.collect()
            before = resident_bytes()
            found = await statuses(gateway, server, n)
            gc.collect()
            grown = (resident_bytes() - before) / MEGABYTE
            answer = await gateway.call(server.token, LIST, {"limit": 1})
    faults = sum(status not in ALLOWED for status in found if status)
    tracebacks = logs.getvalue().count("Traceback")
    figures.record("G6", "bodies answered by a 5xx", measured=faults, bar="0", n=n, holds=faults == 0)
    figures.record("G6", "tracebacks, MCP endpoint", measured=tracebacks, bar="0", n=n, holds=tracebacks == 0)
    if scale.is_full:
        figures.record(
            "G6",
            "growth of memory, gateway and fuzzer in one process",
            measured=f"{grown:.1f} MB",
            bar="< 50 MB",
            n=n,
            holds=grown < MAX_GROWTH / MEGABYTE,
        )
    assert not answer["isError"]


async def test_schemathesis_finds_nothing_in_the_admin_api(own_stores, tmp_path, figures, scale):
    """Every check but one: statuses and media types as documented, authentication, methods, schemas, no 5xx."""
    with captured_logs() as logs:
        async with world(own_stores) as gateway:
            await gateway.server(api_key=KEY)
            report = await schemathesis(gateway, tmp_path, scale)
    cases, failures = report["test_cases"]["generated"], [*report["failures"], *report["errors"]]
    tracebacks = logs.getvalue().count("Traceback")
    clean = report["complete"] and report["exit_code"] == 0 and not failures
    figures.record("G6", "findings of schemathesis", measured=len(failures), bar="0", n=cases, holds=clean)
    figures.record("G6", "tracebacks, admin API", measured=tracebacks, bar="0", n=cases, holds=tracebacks == 0)


async def schemathesis(gateway: Gateway, directory: Path, scale) -> dict[str, Any]:
    """Run it against the gateway's own description of itself; its report."""
    report = directory / "report.json"
    program = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{gateway.url}/openapi.json", "--header", f"Authorization: Bearer {OPERATOR_KEY}"),
        *("--checks", "all", "--exclude-checks", UNKNOWABLE, "--warnings", "off", "--seed", SEED, "--no-shrink"),
        *("--max-examples", str(scale(full=150, quick=2)), "--suppress-health-check", "all"),
        *("--phases", "examples,coverage,fuzzing,stateful" if scale.is_full else "coverage,fuzzing"),
        *("--report", "json", "--report-json-path", str(report)),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, _ = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
    print(output.decode())  # for whoever has to mend what it found
    found: dict[str, Any] = json.loads(report.read_text())
    return found
