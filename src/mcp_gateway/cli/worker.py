"""One of several serving processes; started by `workers.py`, never by hand.

python -m mcp_gateway.cli.worker APP LISTENER_FD READY_FD GRACE_SECONDS     (standard input: the lifeline)
"""

import os
import socket
import sys
from contextlib import suppress

from mcp_gateway.cli.exits import run_and_exit, stop_signals_exit
from mcp_gateway.cli.serving import run_server


def main(arguments: list[str]) -> None:
    """Serve on the socket of the parent; tell it by one byte that requests are accepted."""
    app, listener_fd, ready_fd, grace = arguments
    listener = socket.socket(fileno=int(listener_fd))

    def on_ready() -> None:
        # A parent that replaces a dead worker is not waiting to be told, and has closed its end.
        with suppress(BrokenPipeError):
            os.write(int(ready_fd), b"+")
        os.close(int(ready_fd))

    with stop_signals_exit():
        run_server(app, listener, grace_seconds=int(grace), on_ready=on_ready, lifeline=sys.stdin.fileno())


if __name__ == "__main__":
    run_and_exit(lambda: main(sys.argv[1:]))
