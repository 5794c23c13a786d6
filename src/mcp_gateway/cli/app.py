"""Puts the commands together; the entry point of `mcp-gateway`."""

from collections.abc import Sequence

import typer

from mcp_gateway.cli import accounts, audit, operating, servers, tenants, tokens, tools
from mcp_gateway.cli.exits import run_and_exit

HELP = """Hosted MCP servers for Richpanel: one POST gives a secret URL to paste into ChatGPT, Claude or Cursor.

`dev` runs everything on this machine; `migrate` and `serve` are for production; the rest is the admin API of a running
gateway, found at GATEWAY_URL and used with GATEWAY_API_KEY.

Exit status: 0 done, 2 the request was at fault, 3 Richpanel was, 1 anything else.
"""


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    for command in (operating.serve, operating.migrate, operating.rotate_keys, operating.dev, tools.tools):
        app.command()(command)
    app.add_typer(tools.catalog_app, name="catalog")
    app.add_typer(tenants.app, name="tenant")
    app.add_typer(tokens.app, name="token")
    app.add_typer(accounts.app, name="account")
    app.add_typer(servers.app, name="server")
    app.add_typer(audit.app, name="audit")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line, by default that of this process; always ends with SystemExit."""
    run_and_exit(lambda: build()(args=arguments))
