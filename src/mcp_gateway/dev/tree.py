"""The process tree of `mcp-gateway dev`: stores, simulator, migrations, gateway; stopped in reverse order."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from mcp_gateway.dev import secretfiles
from mcp_gateway.dev.environment import (
    DATABASE,
    ENCRYPTION_KEYS,
    HOST,
    MIGRATION_DATABASE,
    OPERATOR_KEY,
    PRIVATE_UPSTREAM,
    PUBLIC_URL,
    REDIS,
    RICHPANEL,
    DevOptions,
    Parts,
    free_port,
    with_defaults,
)
from mcp_gateway.dev.processes import KeptProcess, Launch, ready_url
from mcp_gateway.dev.stores import EmbeddedPostgres, EmbeddedValkey, StoreError, create_database
from mcp_gateway.exceptions import FaultError

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
"""Shorter than in production: whoever presses Ctrl-C is waiting."""
WATCH_SECONDS = 0.5
DATABASE_NAME = "gateway"
APP_ROLE = "gateway_app"


class TreeError(FaultError):
    """A part of the tree did not start, or ended by itself."""


class DevTree:
    """Everything a gateway needs, and the gateway; a context manager.

    Args:
        options: of the command line.
        progress: told in a few words what is being done.
    """

    def __init__(self, options: DevOptions, progress: Callable[[str], None]) -> None:
        self._options = options
        self._progress = progress
        self._stack = ExitStack()
        self._watched: dict[str, Callable[[], bool]] = {}
        self._environment: dict[str, str] = {}
        self.url = ""
        """`http://HOST:PORT` of the gateway on this machine, once started."""
        self.richpanel_key: str | None = None
        """A key the simulator takes; None without the simulator."""

    @property
    def operator_key(self) -> str:
        """The key for the admin API."""
        return self._environment[OPERATOR_KEY].partition(",")[0].strip()

    def __enter__(self) -> Self:
        """Start everything.

        Raises:
            TreeError: a part did not start; those that did are stopped again.
        """
        try:
            self._start()
        except StoreError as exc:
            self._stack.close()
            raise TreeError(str(exc)) from exc
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._progress("stopping")
        self._stack.close()

    def watch(self) -> None:
        """Block for as long as all parts run.

        Raises:
            TreeError: names the part that ended.
        """
        while True:
            for name, is_running in self._watched.items():
                if not is_running():
                    raise TreeError(f"{name} has ended; its log: {self._log_path(name)}")
            time.sleep(WATCH_SECONDS)

    def _start(self) -> None:
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        parts = Parts.missing_from(os.environ, simulator=self._options.simulator)
        port = self._options.port or free_port()
        defaults = {
            PUBLIC_URL: f"http://{HOST}:{port}",
            PRIVATE_UPSTREAM: "true",
            OPERATOR_KEY: self._kept("operator-key", secretfiles.operator_key),
            ENCRYPTION_KEYS: self._kept("encryption-keys", secretfiles.encryption_keys),
        }
        if parts.postgres:
            defaults |= self._start_postgres()
        if parts.valkey:
            defaults[REDIS] = self._start_valkey()
        if parts.simulator:
            defaults[RICHPANEL] = self._start_simulator()
        self._environment = with_defaults(os.environ, defaults)
        self._migrate()
        self._start_gateway(port)

    def _start_postgres(self) -> dict[str, str]:
        self._progress("starting PostgreSQL")
        postgres = self._stack.enter_context(EmbeddedPostgres(self._dir / "postgres"))
        self._watched["postgres"] = lambda: postgres.is_running
        password = self._kept("database-password", secretfiles.password)
        owner_url, app_url = create_database(postgres.url, DATABASE_NAME, APP_ROLE, password)
        return {DATABASE: app_url, MIGRATION_DATABASE: owner_url}

    def _start_valkey(self) -> str:
        self._progress("starting Valkey")
        valkey = self._stack.enter_context(EmbeddedValkey(self._dir / "valkey"))
        self._watched["valkey"] = lambda: valkey.is_running
        return valkey.url

    def _start_simulator(self) -> str:
        self._progress("starting the Richpanel simulator")
        self.richpanel_key = self._kept("simulator-key", secretfiles.richpanel_key)
        arguments = ["richpanel_sim", "--host", HOST, "--port", "0", "--key", self.richpanel_key]
        with self._log_path("simulator").open("ab") as log:
            return self._start_python("simulator", arguments, environment=dict(os.environ), errors=log)

    def _migrate(self) -> None:
        self._progress("migrating the database")
        status = subprocess.run(
            [sys.executable, "-m", "mcp_gateway.cli", "migrate"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if status.returncode:
            reason = (status.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise TreeError(f"the migrations failed: {reason.removeprefix('error: ')}")

    def _start_gateway(self, port: int) -> None:
        self._progress("starting the gateway")
        arguments = ["mcp_gateway.cli", "serve", "--host", HOST, "--port", str(port)]
        if not self._options.quiet:
            self.url = self._start_python("gateway", arguments, environment=self._environment, errors=None)
            return
        with self._log_path("gateway").open("ab") as log:
            self.url = self._start_python("gateway", arguments, environment=self._environment, errors=log)

    def _start_python(
        self, name: str, arguments: list[str], *, environment: dict[str, str], errors: IO[bytes] | None
    ) -> str:
        """Start a module that says `ready URL`; the URL."""
        launch = Launch(
            [sys.executable, "-m", *arguments],
            grace_seconds=STOP_SECONDS,
            environment=environment,
            output=subprocess.PIPE,
            errors=errors,
        )
        process = self._stack.enter_context(KeptProcess(launch))
        url = ready_url(process, READY_SECONDS)
        if url is None:
            where = f"; its log: {self._log_path(name)}" if errors else ""
            raise TreeError(f"the {name} did not start{where}")
        self._watched[name] = lambda: process.exit_status() is None
        return url

    @property
    def _dir(self) -> Path:
        return self._options.data_dir.expanduser().resolve()

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        return secretfiles.kept(self._dir / name, make)

    def _log_path(self, name: str) -> Path:
        return self._dir / name / f"{name}.log" if name in {"postgres", "valkey"} else self._dir / f"{name}.log"
