"""`serve`, `migrate`, `dev`: what an operator or a developer runs."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from uvicorn.importer import import_from_string

from mcp_gateway.cli.exits import FAULT, stop_signals_exit
from mcp_gateway.cli.output import note, print_error
from mcp_gateway.cli.serving import announce, base_url, bind, run_server
from mcp_gateway.cli.workers import Workers
from mcp_gateway.config import Settings
from mcp_gateway.models.keys import RotationReport

# By name: they bring in the web framework and the database layer, which a `tenant list` has no use for.
APP_FACTORY = "mcp_gateway.main:create_app"
MIGRATE = "mcp_gateway.factory:migrate"
ROTATE_KEYS = "mcp_gateway.factory:rotate_keys"

EXTRA_GRACE_SECONDS = 5
"""Requests get the upstream's total deadline plus this much to end when the process is asked to stop."""

Host = Annotated[str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all of this machine's.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
WorkerCount = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Processes that serve; about one for each core.")
]
DataDir = Annotated[Path, typer.Option("--data-dir", help="Where the embedded stores and the generated secrets live.")]
NoSimulator = Annotated[
    bool,
    typer.Option(
        "--no-simulator", help="Talk to the real Richpanel (or GATEWAY_RICHPANEL_URL) and not to the simulator."
    ),
]


def serve(host: Host = "127.0.0.1", port: Port = 8080, workers: WorkerCount = 1) -> None:
    """Serve the gateway, for production.

    Everything else comes from GATEWAY_ variables. It refuses to start, saying why in one line, on a missing or weak
    value, an unmigrated schema, an unfit database role or an invalid catalog. Prints `ready http://HOST:PORT` when it
    accepts requests; SIGTERM lets the requests that run end first.
    """
    settings = Settings.from_environment()
    grace = int(settings.upstream_timeout_seconds) + EXTRA_GRACE_SECONDS
    with bind(host, port, has_siblings=workers > 1) as listener:
        url = base_url(host, listener)
        if workers == 1:
            with stop_signals_exit():
                run_server(APP_FACTORY, listener, grace_seconds=grace, on_ready=lambda: announce(url))
        else:
            Workers(APP_FACTORY, listener, count=workers, grace_seconds=grace).run(lambda: announce(url))


def migrate() -> None:
    """Bring the database to this version's schema, as the owner's role (GATEWAY_MIGRATION_DATABASE_URL).

    Safe to run again, and by several at once. Run it before `serve` of a new version.
    """
    import_from_string(MIGRATE)(Settings.from_environment())
    note("the schema is up to date")


def rotate_keys() -> None:
    """Seal every stored secret with the first encryption key, as the owner's role, while the gateway serves.

    Run it once every replica has both keys, the new one first; when nothing remains, take the old one out. Safe to stop
    and to run again. Ends with status 1 while anything remains under another key.
    """
    report: RotationReport = import_from_string(ROTATE_KEYS)(Settings.from_environment())
    note(
        f"{report.resealed} secrets sealed with {report.key_id}, {report.remaining} remain under other keys, "
        f"{report.chains} audit chains signed"
    )
    if report.remaining:
        lines = [f"the key of account {account_id} does not open" for account_id in report.unopenable]
        if report.unopenable_answers:
            lines.append(
                f"{report.unopenable_answers} answers kept for an Idempotency-Key do not open: gone within 24 hours"
            )
        print_error([*lines, "keep the old keys, and run this again"])
        raise typer.Exit(FAULT)


def dev(port: Port = 8080, data_dir: DataDir = Path(".data"), no_simulator: NoSimulator = False) -> None:
    """Run the gateway with everything it needs, on this machine alone: PostgreSQL, Valkey, a Richpanel simulator.

    Needs the extra `embedded`. Secrets are made once and kept in the data directory. Every GATEWAY_ variable that is
    set wins over what would be made up: with GATEWAY_DATABASE_URL no PostgreSQL is started, and so on. Ctrl-C stops
    it all.
    """
    arguments = ["run", "--port", str(port), "--data-dir", str(data_dir), *(["--no-simulator"] if no_simulator else [])]
    # A program of its own, so that nothing of the embedded stores is ever loaded where `serve` runs.
    os.execv(sys.executable, [sys.executable, "-m", "mcp_gateway.dev", *arguments])  # noqa: S606 - our own interpreter
