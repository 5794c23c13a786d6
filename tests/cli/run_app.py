"""`python -m tests.cli.run_app APP WORKERS`: what `serve` does, with an application of the tests."""

import sys

from mcp_gateway.cli.exits import run_and_exit, stop_signals_exit
from mcp_gateway.cli.serving import announce, base_url, bind, run_server
from mcp_gateway.cli.workers import Workers


def main(app, workers):
    with bind("127.0.0.1", 0, has_siblings=workers > 1) as listener:
        url = base_url("127.0.0.1", listener)
        if workers == 1:
            with stop_signals_exit():
                run_server(app, listener, grace_seconds=5, on_ready=lambda: announce(url))
        else:
            Workers(app, listener, count=workers, grace_seconds=5).run(lambda: announce(url))


if __name__ == "__main__":
    run_and_exit(lambda: main(sys.argv[1], int(sys.argv[2])))
