"""`mcp-gateway token …`."""

from typing import Annotated

import typer

from mcp_gateway.cli.api import AdminAPI
from mcp_gateway.cli.options import All, AsJson, Cursor, ExpiresAt, Limit, Tenant, Yes, confirm, show_list
from mcp_gateway.cli.output import note_revoked, print_record
from mcp_gateway.exceptions import NotFoundError

app = typer.Typer(
    no_args_is_help=True, help="API tokens: a tenant's own way into the admin API, and into servers that ask for one."
)

COLUMNS = {"id": "ID", "name": "NAME", "tenant_id": "TENANT", "scopes": "SCOPES", "expires_at": "EXPIRES"}
TokenID = Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id (not the token itself).")]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="What it may do; repeat for more. Default: everything.")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What or who will use it.")],
    tenant: Tenant = None,
    scope: Scopes = None,
    expires_at: ExpiresAt = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token. It is shown this once and never again."""
    given = {"name": name, "tenant_id": tenant, "scopes": scope or None, "expires_at": expires_at}
    body = {key: value for key, value in given.items() if value is not None}
    with AdminAPI.from_environment() as api:
        print_record(api.post("api-token", body=body), as_json=as_json)


@app.command("list")
def list_(limit: Limit = None, cursor: Cursor = None, everything: All = False, as_json: AsJson = False) -> None:
    """List the API tokens, without the tokens themselves."""
    show_list("api-token", columns=COLUMNS, limit=limit, cursor=cursor, everything=everything, as_json=as_json)


@app.command()
def show(token: TokenID, as_json: AsJson = False) -> None:
    """Show one API token, found by its id."""
    with AdminAPI.from_environment() as api:
        found = [entry for entry in api.list_all("api-token")["result"] if entry["id"] == token]
    if not found:
        raise NotFoundError(f"there is no API token {token}")
    print_record(found[0], as_json=as_json)


@app.command()
def revoke(token: TokenID, yes: Yes = False) -> None:
    """Revoke an API token: it stops working at once, everywhere."""
    confirm(f"Revoke API token {token}?", yes=yes)
    with AdminAPI.from_environment() as api:
        receipt = api.delete("api-token", token)
    note_revoked(f"revoked {token}", receipt)
