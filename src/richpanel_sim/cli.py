"""The command ``richpanel-sim``."""

import os
from contextlib import suppress
from typing import Annotated

import typer
import uvloop

from richpanel_sim.app import create_app
from richpanel_sim.crowd import DEFAULT_CONVERSATIONS, DEFAULT_SEED, Crowd
from richpanel_sim.dresses import DRESSES
from richpanel_sim.fault_kinds import KINDS
from richpanel_sim.limits import DEFAULT_REQUESTS, DEFAULT_SECONDS, Quota
from richpanel_sim.server import listen, serve
from richpanel_sim.state import DEFAULT_TENANT, SimulatorState
from richpanel_sim.switches import ENVIRONMENT_PREFIX, SwitchError, Switches

HELP = f"""A local stand-in for Richpanel's REST API: all 25 operations, over a small shop
or as many made-up conversations as you like.

Prints one line, ready http://HOST:PORT/v1, when it accepts requests,
and runs until interrupted.

Where Richpanel's behaviour is doubtful a switch decides:

\b
--switch NAME=VALUE, {ENVIRONMENT_PREFIX}NAME=VALUE in the environment
(the former wins), or POST /_sim/switches while it runs.

Beside /v1 it has routes of its own, for callers on this machine only:

\b
GET  /_sim/requests  counts, and the requests that arrived;
                     ?method= ?target= ?body= ?tenant= choose
GET  /_sim/writes    how many times each write was seen
GET  /_sim/effects   messages delivered, files and subscriptions kept
POST /_sim/faults    force the next answers, one object or a list:
                     {{"kind": "rate_limited", "dress": "shopify"}}
                     {{"status": 503, "headers": {{"Retry-After": "7"}},
                      "body": {{"message": "later"}}, "times": 3}}
                     "method", "path", "tenant" say which requests;
                     "after_effect": true does the work first
POST /_sim/reset     back to the start, or only some parts of it:
                     {{"only": ["data", "requests", "faults", "limits"]}}
GET  /_sim/switches  the switches as they stand;
                     POST an object of those to change

For example:

\b
richpanel-sim --key rp_demo
richpanel-sim --key rp_one:shop1 --key rp_two:shop2 --port 9000
richpanel-sim --key rp_demo --seed 7 --conversations 10000
richpanel-sim --key rp_demo --switch error_shape=message
"""

_DATA, _BEHAVIOUR, _ABOUT = "What is in it", "How it behaves", "Explanations"

cli = typer.Typer(add_completion=False)


@cli.command(help=HELP)
def run(  # noqa: PLR0913 - each is an option
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(help=f"An API key to accept, with its tenant: KEY or KEY:TENANT ({DEFAULT_TENANT}). Repeatable."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Made-up conversations in place of the shop, the same for the same seed.", rich_help_panel=_DATA
        ),
    ] = None,
    conversations: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help=f"How many ({DEFAULT_CONVERSATIONS}).", rich_help_panel=_DATA),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Requests a tenant has in one window.", rich_help_panel=_BEHAVIOUR)
    ] = DEFAULT_REQUESTS,
    window: Annotated[
        float, typer.Option(min=0.1, help="Length of the window in seconds.", rich_help_panel=_BEHAVIOUR)
    ] = DEFAULT_SECONDS,
    switch: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, see --list-switches. Repeatable.", rich_help_panel=_BEHAVIOUR),
    ] = None,
    list_switches: Annotated[
        bool, typer.Option("--list-switches", help="Explain every switch and leave.", rich_help_panel=_ABOUT)
    ] = False,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Explain every fault and leave.", rich_help_panel=_ABOUT)
    ] = False,
) -> None:
    """Check the options and serve."""
    if list_switches or list_faults:
        _explain(switches=list_switches, faults=list_faults)
        return
    if not key:
        raise typer.BadParameter("at least one is needed, such as --key rp_demo", param_hint="--key")
    state = SimulatorState(
        dict(map(_tenant_key, key)),
        switches=_switches(switch or []),
        quota=Quota(limit, window),
        crowd=_crowd(seed, conversations),
    )
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


def _crowd(seed: int | None, conversations: int | None) -> Crowd | None:
    if seed is None and conversations is None:
        return None
    return Crowd(DEFAULT_SEED if seed is None else seed, conversations or DEFAULT_CONVERSATIONS)


def _switches(settings: list[str]) -> Switches:
    """What the environment says, and what the command line says over it."""
    try:
        from_environment = Switches.from_environment(os.environ)
    except SwitchError as fault:
        raise typer.BadParameter(str(fault), param_hint=f"{ENVIRONMENT_PREFIX}…") from fault
    try:
        return from_environment.altered(dict(_pair(text) for text in settings))
    except SwitchError as fault:
        raise typer.BadParameter(str(fault), param_hint="--switch") from fault


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SwitchError(f"{text!r} is not NAME=VALUE")
    return name, value


def _explain(*, switches: bool, faults: bool) -> None:
    if switches:
        for switch in Switches.explain():
            typer.echo(f"{switch.name}={switch.default}  ({switch.values})  {switch.confidence}\n    {switch.meaning}")
    if faults:
        typer.echo("\n".join(f"{name}\n    {kind.help}" for name, kind in KINDS.items()))
        typer.echo('\nDresses, as in {"kind": "rate_limited", "dress": "shopify", "seconds": 12}:\n')
        typer.echo("\n".join(f"{name}\n    {dress.help}" for name, dress in DRESSES.items()))
