"""`mcp-gateway account …`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mcp_gateway.cli.api import AdminAPI
from mcp_gateway.cli.options import All, AsJson, Cursor, Limit, Methods, Tags, Tenant, Yes, confirm, show_list
from mcp_gateway.cli.output import note_revoked, print_page, print_record
from mcp_gateway.exceptions import CallerError

app = typer.Typer(
    no_args_is_help=True, help="Integrated accounts: a tenant's Richpanel accounts, each with its API key."
)

COLUMNS = {
    "id": "ID",
    "name": "NAME",
    "integration": "INTEGRATION",
    "credentials_hint": "KEY ENDS IN",
    "tenant_id": "TENANT",
    "created_at": "CREATED",
}
TOOL_COLUMNS = {"name": "NAME", "method": "METHOD", "tags": "TAGS"}
KEY_VARIABLE = "RICHPANEL_API_KEY"

AccountID = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file", help="File that holds the Richpanel API key; `-` is standard input.", allow_dash=True
    ),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it, e.g. the shop's name.")],
    tenant: Tenant = None,
    api_key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Connect a Richpanel account.

    Its API key is taken from --api-key-file, else from the variable RICHPANEL_API_KEY, else from standard input, else
    it is asked for without being shown. It is no argument, because those end up in the shell's history and in process
    lists.
    """
    body = {"integration": "richpanel", "name": name, "credentials": {"api_key": read_api_key(api_key_file)}}
    if tenant is not None:
        body["tenant_id"] = tenant
    with AdminAPI.from_environment() as api:
        print_record(api.post("integrated-account", body=body), as_json=as_json)


@app.command("list")
def list_(limit: Limit = None, cursor: Cursor = None, everything: All = False, as_json: AsJson = False) -> None:
    """List the accounts; of each key only the last four characters are shown."""
    show_list("integrated-account", columns=COLUMNS, limit=limit, cursor=cursor, everything=everything, as_json=as_json)


@app.command()
def show(account: AccountID, as_json: AsJson = False) -> None:
    """Show one account."""
    with AdminAPI.from_environment() as api:
        print_record(api.get("integrated-account", account), as_json=as_json)


@app.command()
def tools(account: AccountID, methods: Methods = None, tags: Tags = None, as_json: AsJson = False) -> None:
    """List what an MCP server of this account with that filter would expose."""
    with AdminAPI.from_environment() as api:
        page = api.get("integrated-account", account, "tools", methods=methods, tags=tags)
    print_page(page, TOOL_COLUMNS, as_json=as_json)


@app.command()
def delete(account: AccountID, yes: Yes = False) -> None:
    """Forget an account and its key, and delete its MCP servers: their URLs stop working at once."""
    confirm(f"Delete account {account} with its MCP servers?", yes=yes)
    with AdminAPI.from_environment() as api:
        receipt = api.delete("integrated-account", account)
    note_revoked(f"deleted {account}", receipt)


def read_api_key(file: Path | None) -> str:
    """The Richpanel key from the first place that has one; CallerError when that one holds nothing."""
    if file is not None and str(file) != "-":
        try:
            key = file.read_text()
        except (OSError, UnicodeDecodeError) as exc:
            raise CallerError(f"--api-key-file {file} cannot be read: {exc}") from exc
    elif file is None and KEY_VARIABLE in os.environ:
        key = os.environ[KEY_VARIABLE]
    elif file is None and sys.stdin.isatty():
        key = typer.prompt("Richpanel API key", hide_input=True)
    else:
        key = sys.stdin.readline()
    if not key.strip():
        raise CallerError(f"no Richpanel API key: use --api-key-file, {KEY_VARIABLE} or standard input")
    return key.strip()
