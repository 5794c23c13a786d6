"""`python -m mcp_gateway.dev run|demo`; `mcp-gateway dev` and `make demo` end up here."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mcp_gateway.dev.demo import play_and_wait
from mcp_gateway.dev.environment import OPERATOR_KEY, DevOptions
from mcp_gateway.dev.signals import StopRequested, stop_requests
from mcp_gateway.dev.tree import DevTree
from mcp_gateway.exceptions import CallerError, GatewayError

DataDir = Annotated[Path, typer.Option("--data-dir", help="Where the stores' data and the generated secrets live.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the gateway; 0 takes a free one.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    port: Port = 8080,
    data_dir: DataDir = Path(".data"),
    no_simulator: Annotated[bool, typer.Option("--no-simulator", help="No Richpanel simulator.")] = False,
) -> None:
    """Run the gateway with embedded stores until Ctrl-C."""
    options = DevOptions(data_dir=data_dir, port=port, simulator=not no_simulator)
    with DevTree(options, progress) as tree:
        for line in _hints(tree, data_dir):
            progress(line)
        sys.stdout.write(f"ready {tree.url}\n")
        sys.stdout.flush()
        tree.watch()


@app.command()
def demo(
    port: Port = 0,
    data_dir: DataDir = Path(".data"),
    once: Annotated[bool, typer.Option("--once", help="End after the play instead of waiting for Ctrl-C.")] = False,
) -> None:
    """Play two support workflows as an MCP client against a gateway and a simulated Richpanel."""
    play_and_wait(DevOptions(data_dir=data_dir, port=port, quiet=True), progress, once=once)


def progress(text: str) -> None:
    """One step, on standard error."""
    Console(stderr=True).print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def _hints(tree: DevTree, data_dir: Path) -> list[str]:
    """How to go on from a shell; secrets are named by their files."""
    key = "$GATEWAY_OPERATOR_KEY" if OPERATOR_KEY in os.environ else f"$(cat {data_dir / 'operator-key'})"
    hints = [f"export GATEWAY_URL={tree.url} GATEWAY_API_KEY={key}"]
    if tree.richpanel_key:
        hints.append(f"the simulated Richpanel takes the key in {data_dir / 'simulator-key'}")
    return hints


def main() -> None:
    """Run the command line of this process; 0 when asked to stop, 2 for a fault of the caller, 1 for any other."""
    try:
        with stop_requests():
            app()
    except StopRequested:
        return
    except GatewayError as exc:
        console = Console(stderr=True)
        console.print(f"error: {exc.message}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(exc, CallerError) else 1)


if __name__ == "__main__":
    main()
