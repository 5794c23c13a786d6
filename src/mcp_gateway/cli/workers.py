"""Keeps several serving processes on one address, and replaces those that die."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

from mcp_gateway.cli.serving import sibling

CHECK_SECONDS = 1.0
"""How often dead workers are looked for; also the shortest time between two starts of one that keeps dying."""

EXTRA_GRACE_SECONDS = 10
"""Beyond the grace of requests: for lifespans to end."""


class Workers:
    """Runs `count` workers until told to stop.

    Args:
        app: `module:factory` of the ASGI application.
        listener: bound socket; each worker accepts on a sibling of it.
        count: how many.
        grace_seconds: how long requests that run may take to end.
    """

    def __init__(self, app: str, listener: socket.socket, *, count: int, grace_seconds: int) -> None:
        self._app = app
        self._listener = listener
        self._count = count
        self._grace_seconds = grace_seconds
        self._workers: dict[subprocess.Popen[bytes], socket.socket] = {}
        """With the socket each one accepts on."""
        self._stopping = threading.Event()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start the workers, call `on_ready` when all accept requests, and return after a stop signal.

        Raises:
            SystemExit: with the status of a worker that did not start; it has said why on standard error.
        """
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            # The first one alone: a bad setting is then told once and not by every worker.
            self._start_one(self._listener)
            for _ in range(self._count - 1):
                self._start_one(sibling(self._listener))
            on_ready()
            while not self._stopping.wait(CHECK_SECONDS):
                self._replace_dead()
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if self._stopping.is_set():
            # Told a second time: each worker then ends at once.
            for worker in self._workers:
                worker.terminate()
        self._stopping.set()

    def _start_one(self, listener: socket.socket) -> None:
        if self._stopping.is_set():
            return
        worker, ready = self._spawn(listener)
        self._workers[worker] = listener
        with os.fdopen(ready, "rb") as reader:
            if not reader.read(1) and not self._stopping.is_set():
                raise SystemExit(worker.wait())

    def _replace_dead(self) -> None:
        for worker in list(self._workers):
            if worker.poll() is not None:
                listener = self._workers.pop(worker)
                sys.stderr.write(f"worker {worker.pid} ended with status {worker.returncode}; starting another\n")
                # What waits in its queue waits for the new one; the others' connections never came there.
                replacement, ready = self._spawn(listener)
                os.close(ready)
                self._workers[replacement] = listener

    def _spawn(self, listener: socket.socket) -> tuple[subprocess.Popen[bytes], int]:
        """A worker, and the descriptor that says `+` when it is ready and ends when it is gone."""
        ready_read, ready_write = os.pipe()
        listener_fd = listener.fileno()
        arguments = (self._app, str(listener_fd), str(ready_write), str(self._grace_seconds))
        worker = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "mcp_gateway.cli.worker", *arguments],
            stdin=subprocess.PIPE,
            pass_fds=(listener_fd, ready_write),
        )
        os.close(ready_write)
        return worker, ready_read

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.terminate()
            if worker.stdin is not None:
                worker.stdin.close()
        for worker in self._workers:
            try:
                worker.wait(self._grace_seconds + EXTRA_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        for listener in self._workers.values():
            listener.close()
