"""`make conformance`: the official suite against a gateway whose tools are the suite's own fixtures.

Everything but the tools is the real thing: token in the URL, stores, HTTP. Each run must fail exactly where its
baseline says, and each line of a baseline says why.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from mcp_gateway.main import create_app
from tests.conformance.fixtures import FixtureHosts
from tests.support.asgi import loopback_listener, serving, url_of
from tests.support.databases import fresh_database
from tests.support.gateways import Gateway, Stores, settings_for
from tests.support.stores import postgres_server, redis_server
from tests.toolchain.making import ToolchainError
from tests.toolchain.node import Node, node, packages

HERE = Path(__file__).parent
RUN_SECONDS = 300
TAIL_LINES = 60


@dataclass(frozen=True)
class Run:
    """One run of the suite."""

    package: str
    """As tests/conformance/node/package.json names it."""
    options: tuple[str, ...]
    baseline: str

    @property
    def title(self) -> str:
        return f"{self.package} {' '.join(self.options)}"


RUNS = (
    Run("conformance", ("--requirements", "2026-07-28"), "2026-07-28.yml"),
    Run("conformance", ("--requirements", "2025-11-25"), "2025-11-25.yml"),
    Run("conformance-0.1", ("--suite", "all"), "2025-all.yml"),
)


def main() -> int:
    """0 when every run came out as its baseline says."""
    try:
        program = node()
        installed = packages(HERE / "node", program)
    except ToolchainError as exc:
        print(f"the suite cannot be installed: {exc}", file=sys.stderr)
        return 1
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres_url = stack.enter_context(postgres_server(directory))
        redis_url = stack.enter_context(redis_server(directory))
        stores = stack.enter_context(fresh_database(postgres_url, "conformance", redis_url))
        return asyncio.run(suite(stores, program, installed / "node_modules", directory))


async def suite(stores: Stores, program: Node, modules: Path, directory: Path) -> int:
    """Run everything, one after the other; the number of runs that failed."""
    failed = 0
    async with fixture_server(stores) as url:
        for number, run in enumerate(RUNS):
            status = await asyncio.to_thread(conducted, run, url, program, modules, directory / str(number))
            failed += bool(status)
            print(f"{'ok  ' if status == 0 else 'FAIL'}  {run.title}", flush=True)
    return failed


@contextlib.asynccontextmanager
async def fixture_server(stores: Stores) -> AsyncIterator[str]:
    """The URL of an MCP server with the fixture tools."""
    listener = loopback_listener()
    # Its own address is the one origin allowed: the suite checks both that it is and that others are not.
    settings = settings_for(stores, public_url=url_of(listener), allowed_hosts="")
    async with serving(create_app(settings, hosts=FixtureHosts()), listener) as url, httpx.AsyncClient() as client:
        yield (await Gateway(url, client).server()).url


def conducted(run: Run, url: str, program: Node, modules: Path, results: Path) -> int:
    """The suite's exit status; prints the end of what it said when that is not 0."""
    command = [
        program.executable,
        modules / run.package / "dist" / "index.js",
        "server",
        *("--url", url),
        *run.options,
        *("--expected-failures", HERE / "baselines" / run.baseline),
        *("-o", results),
    ]
    finished = subprocess.run(  # noqa: S603 - our own command
        [str(part) for part in command], capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    if finished.returncode:
        lines = (finished.stdout + finished.stderr).replace(url, "URL").splitlines()
        print("\n".join(lines[-TAIL_LINES:]))
    return finished.returncode


if __name__ == "__main__":
    sys.exit(main())
