"""How a process of ours ends: who was at fault decides the exit status."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mcp_gateway.cli.api import AdminAPIError
from mcp_gateway.cli.output import print_error
from mcp_gateway.exceptions import CallerError, GatewayError, InvalidInputError, UpstreamError

CALLER = 2
UPSTREAM = 3
FAULT = 1


def exit_code_of(error: GatewayError) -> int:
    """2: the caller can fix it; 3: Richpanel gave no usable answer; 1: ours or the environment's."""
    if isinstance(error, AdminAPIError):
        return error.exit_code
    if isinstance(error, CallerError):
        return CALLER
    return UPSTREAM if isinstance(error, UpstreamError) else FAULT


def lines_of(error: GatewayError) -> list[str]:
    """What to print for it."""
    if isinstance(error, AdminAPIError):
        return error.lines()
    problems = error.problems if isinstance(error, InvalidInputError) else ()
    return [error.message, *(f"  {problem.path or 'input'}: {problem.message}" for problem in problems)]


def run_and_exit(work: Callable[[], None]) -> None:
    """Do the work; an error raised on purpose becomes its line on standard error and its exit status, no traceback."""
    try:
        work()
    except GatewayError as exc:
        print_error(lines_of(exc))
        sys.exit(exit_code_of(exc))


@contextmanager
def stop_signals_exit() -> Iterator[None]:
    """A stop signal ends the process with status 0: being asked to stop, and stopping, is no failure.

    It matters twice around uvicorn: while the application is still being imported, and when uvicorn, having stopped for
    a signal, raises that signal again.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: sys.exit(0)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
