"""The command ``richpanel-sim``."""

from contextlib import suppress
from typing import Annotated

import typer
import uvloop

from richpanel_sim.app import create_app
from richpanel_sim.limits import DEFAULT_REQUESTS, DEFAULT_SECONDS, Quota
from richpanel_sim.server import listen, serve
from richpanel_sim.state import DEFAULT_TENANT, SimulatorState
from richpanel_sim.switches import SwitchError, Switches

HELP = """A local stand-in for Richpanel's REST API with a small seeded shop.

Prints one line, ready http://HOST:PORT/v1, when it accepts requests, and runs until interrupted.

Beside /v1 it has routes of its own, for callers on this machine only:

\b
GET  /_sim/requests  counts, and the requests that arrived;
                     ?method= ?target= ?tenant= choose among them
POST /_sim/faults    force the next answers, one object or a list:
                     {"status": 429, "headers": {"Retry-After": "7"},
                      "body": {"message": "slow down"}, "times": 3}
                     "kind": "drop" closes the connection instead;
                     "method", "path", "tenant" say which requests;
                     "after_effect": true does the work first
POST /_sim/reset     back to the start, or only some parts of it:
                     {"only": ["data", "requests", "faults", "limits"]}
GET  /_sim/switches  the doubtful points of behaviour as they stand;
                     POST an object of those to change
"""

cli = typer.Typer(add_completion=False)


@cli.command(help=HELP)
def run(
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(help=f"An API key to accept, with its tenant: KEY or KEY:TENANT ({DEFAULT_TENANT}). Repeatable."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Requests a tenant has in one window.")] = DEFAULT_REQUESTS,
    window: Annotated[float, typer.Option(min=0.1, help="Length of the window in seconds.")] = DEFAULT_SECONDS,
    switch: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, see --list-switches. Repeatable.")] = None,
    list_switches: Annotated[bool, typer.Option("--list-switches", help="Explain every switch and leave.")] = False,
) -> None:
    """Check the options and serve."""
    if list_switches:
        _list_switches()
        return
    if not key:
        raise typer.BadParameter("at least one is needed, such as --key rp_demo", param_hint="--key")
    state = SimulatorState(dict(map(_tenant_key, key)), switches=_switches(switch or []), quota=Quota(limit, window))
    try:
        bound, url = listen(host, port)
    except OSError as fault:
        raise typer.BadParameter(f"cannot listen on {host}:{port}: {fault.strerror}", param_hint="--port") from fault
    with suppress(KeyboardInterrupt):
        uvloop.run(serve(create_app(state), bound, lambda: typer.echo(f"ready {url}")))


def main() -> None:
    """Entry point of ``richpanel-sim``."""
    cli()


def _tenant_key(text: str) -> tuple[str, str]:
    key, _, tenant = text.partition(":")
    if not key:
        raise typer.BadParameter("a key cannot be empty", param_hint="--key")
    return key, tenant or DEFAULT_TENANT


def _switches(settings: list[str]) -> Switches:
    try:
        return Switches().altered(dict(_pair(text) for text in settings))
    except SwitchError as fault:
        raise typer.BadParameter(str(fault), param_hint="--switch") from fault


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SwitchError(f"{text!r} is not NAME=VALUE")
    return name, value


def _list_switches() -> None:
    for name, values, default, meaning in Switches.explain():
        typer.echo(f"{name}={default}  ({values})\n    {meaning}")
