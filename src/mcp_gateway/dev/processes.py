"""Child processes that cannot outlive the process that started them."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run a server."""

    command: Sequence[str]
    stop_signal: int = signal.SIGTERM
    """What asks it to end in an orderly way."""
    grace_seconds: float = 10.0
    """How long it may take to do so before it is killed."""
    user: str = ""
    """System user to become; needs root. Empty: stay who we are."""
    environment: Mapping[str, str] | None = None
    output: IO[bytes] | int | None = None
    """Where its standard output goes: a file, `subprocess.PIPE`, or ours (None)."""
    errors: IO[bytes] | int | None = None
    """The same for standard error."""
    held_descriptors: Sequence[int] = field(default=())
    """File descriptors to keep open as long as it runs, e.g. that of a lock."""


class KeptProcess:
    """A server under a keeper: it ends when told to, or when this process ends in whatever way."""

    def __init__(self, launch: Launch) -> None:
        pid_read, pid_write = os.pipe()
        # A session of its own, so that Ctrl-C in the terminal reaches only us and we decide on the order of the end.
        self._keeper = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [
                *(sys.executable, "-I", "-S", str(KEEPER), str(int(launch.stop_signal)), str(launch.grace_seconds)),
                *(launch.user, str(pid_write), *launch.command),
            ],
            stdin=subprocess.PIPE,
            stdout=launch.output,
            stderr=launch.errors,
            env=None if launch.environment is None else dict(launch.environment),
            pass_fds=(pid_write, *launch.held_descriptors),
            start_new_session=True,
        )
        os.close(pid_write)
        with os.fdopen(pid_read) as reader:
            self._pid = int(reader.readline() or 0)
        if not self._pid:
            self.stop()
            raise OSError(f"{launch.command[0]} cannot be started")

    @property
    def pid(self) -> int:
        """Process id of the server itself."""
        return self._pid

    @property
    def keeper_pid(self) -> int:
        """Process id of its keeper, for messages and tests."""
        return self._keeper.pid

    @property
    def output(self) -> IO[bytes]:
        """Its standard output; ValueError if that was not asked for as a pipe."""
        if self._keeper.stdout is None:
            raise ValueError("the output of this process does not go to a pipe")
        return self._keeper.stdout

    def exit_status(self) -> int | None:
        """None while it runs; 128 + n when signal n ended it."""
        return self._keeper.poll()

    def stop(self) -> int:
        """Ask it to end, wait until it has (it is killed after its grace), and tell its exit status."""
        self._close_lifeline()
        return self._ended()

    def kill(self) -> int:
        """End it the hard way, as a crash would, and wait until it is gone."""
        self._keeper.send_signal(signal.SIGUSR1)
        return self._ended()

    def _ended(self) -> int:
        status = self._keeper.wait()
        self._close_lifeline()
        if self._keeper.stdout is not None:
            self._keeper.stdout.close()
        return status

    def _close_lifeline(self) -> None:
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ready_url(process: KeptProcess, seconds: float) -> str | None:
    """Wait for a server's line `ready URL` on its standard output (which must be a pipe); None if it does not come.

    Whatever else it prints, before or after, goes to our standard error.
    """
    found: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read_output, args=(process.output, found), daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        return None


def _read_output(output: IO[bytes], found: queue.Queue[str | None]) -> None:
    with suppress(ValueError):  # closed under our hands by `stop`
        for raw in output:
            line = raw.decode(errors="replace").rstrip()
            if line.startswith("ready "):
                found.put(line.removeprefix("ready "))
            else:
                sys.stderr.write(line + "\n")
    found.put(None)
