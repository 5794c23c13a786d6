"""`make clients`: every client through every step against a gateway; the exit status says whether all passed.

Needs what `make setup` made and the package registries; installs the rest under `.tools/` once.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

from richpanel_sim.app import create_app as create_simulator
from richpanel_sim.limits import Quota
from richpanel_sim.server import running
from richpanel_sim.state import SimulatorState
from tests.clients.driver import Driver, NoAnswerError
from tests.clients.roster import CLIENTS, Client, Known
from tests.clients.scenario import STEPS, FindingError, Run, World, openings
from tests.clients.table import FAIL, KNOWN, OK, Cell, Row, printed
from tests.clients.wire import Wire
from tests.support.databases import fresh_database
from tests.support.gateways import Stores, running_gateway, settings_for
from tests.support.stores import postgres_server, redis_server
from tests.toolchain.making import ToolchainError

RICHPANEL_KEY = "rp_clients_key_0001"
BROWSERS = ("xdg-open", "open", "sensible-browser", "x-www-browser", "www-browser")


def main() -> int:
    """Drive the clients whose names contain the argument; all without one."""
    parser = argparse.ArgumentParser(prog="make clients", description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the clients to drive")
    parser.add_argument("--verbose", action="store_true", help="also print what each client sent and was told")
    options = parser.parse_args()
    chosen = [client for client in CLIENTS if options.only.lower() in client.name.lower()]
    if not chosen:
        parser.error(f"no client is called {options.only!r}; there are: {', '.join(c.name for c in CLIENTS)}")
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres_url = stack.enter_context(postgres_server(directory))
        redis_url = stack.enter_context(redis_server(directory))
        stores = stack.enter_context(fresh_database(postgres_url, "clients", redis_url))
        rows = asyncio.run(driven(chosen, stores, directory, is_verbose=options.verbose))
    print(printed(rows, tuple(STEPS)))
    return 0 if all(row.is_fine for row in rows) else 1


async def driven(chosen: list[Client], stores: Stores, directory: Path, *, is_verbose: bool) -> list[Row]:
    """One row for each client, in order."""
    rows = []
    async with world(stores, directory) as around:
        for client in chosen:
            print(f"… {client.name}", file=sys.stderr, flush=True)
            rows.append(await row_of(client, around, directory, is_verbose=is_verbose))
    return rows


@contextlib.asynccontextmanager
async def world(stores: Stores, directory: Path) -> AsyncIterator[World]:
    """A gateway and a simulator whose quota does not end."""
    simulator = SimulatorState({RICHPANEL_KEY: "fernhollow417"}, quota=Quota(requests=10**9))
    wire = Wire()
    async with running(create_simulator(simulator)) as url:
        settings = settings_for(stores, richpanel_url=url)
        async with running_gateway(settings, seen_by=wire.around) as gateway:
            yield World(gateway, simulator, wire, directory / "browser-was-opened")


async def row_of(client: Client, around: World, directory: Path, *, is_verbose: bool) -> Row:
    """All steps of one client."""
    started = time.monotonic()
    try:
        command = await asyncio.to_thread(client.command)
    except ToolchainError as exc:
        return Row(client.name, dict.fromkeys(STEPS, Cell(FAIL)), 0, (f"cannot be installed: {exc}",))
    driver = Driver(command, environment(directory, around.opened_browser), directory / "stderr")
    run = Run(around, client, driver, RICHPANEL_KEY)
    cells, notes = {}, []
    for name, step in STEPS.items():
        cells[name] = await cell_of(step(run), client.known.get(name))
        if is_verbose:
            notes.append(f"{name} sent: {openings(around.wire.seen)}")
            notes.extend(f"{name} read: {text}" for text in run.said)
    await driver.end()
    return Row(client.name, cells, time.monotonic() - started, tuple(notes))


async def cell_of(step: Awaitable[None], known: Known | None) -> Cell:
    """What became of one step."""
    try:
        await step
    except FindingError as exc:
        if known is not None and exc.what == known.check:
            return Cell(KNOWN, f"the client {known.why} ({exc})")
        return Cell(FAIL, str(exc))
    except NoAnswerError as exc:
        return Cell(FAIL, str(exc))
    return Cell(OK) if known is None else Cell(FAIL, f"passes, so roster.py must no longer say: {known.why}")


def environment(directory: Path, opened_browser: Path) -> dict[str, str]:
    """Ours, with a home of its own, no proxy, and browsers that only leave a mark."""
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    for name in BROWSERS:
        (programs / name).write_text(f"#!/bin/sh\ntouch '{opened_browser}'\n")
        (programs / name).chmod(0o755)
    return {
        **os.environ,
        "HOME": str(directory),
        "BROWSER": str(programs / BROWSERS[0]),
        "NO_PROXY": "127.0.0.1",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }


if __name__ == "__main__":
    sys.exit(main())
