"""`mcp-gateway tenant …`."""

from typing import Annotated

import typer

from mcp_gateway.cli.api import AdminAPI
from mcp_gateway.cli.options import All, AsJson, Cursor, Limit, Yes, confirm, show_list
from mcp_gateway.cli.output import note_revoked, print_record

app = typer.Typer(
    no_args_is_help=True, help="Tenants: whose accounts, servers and tokens are kept apart. Operator's key only."
)

COLUMNS = {"id": "ID", "name": "NAME", "created_at": "CREATED"}
TenantID = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]


@app.command()
def create(name: Annotated[str, typer.Argument(help="What people call it.")], as_json: AsJson = False) -> None:
    """Make a tenant. Next: `account create` with its id."""
    with AdminAPI.from_environment() as api:
        print_record(api.post("tenant", body={"name": name}), as_json=as_json)


@app.command("list")
def list_(limit: Limit = None, cursor: Cursor = None, everything: All = False, as_json: AsJson = False) -> None:
    """List the tenants."""
    show_list("tenant", columns=COLUMNS, limit=limit, cursor=cursor, everything=everything, as_json=as_json)


@app.command()
def show(tenant: TenantID, as_json: AsJson = False) -> None:
    """Show one tenant."""
    with AdminAPI.from_environment() as api:
        print_record(api.get("tenant", tenant), as_json=as_json)


@app.command()
def delete(tenant: TenantID, yes: Yes = False) -> None:
    """Delete a tenant with its accounts, servers and tokens: its MCP URLs stop working at once, everywhere."""
    confirm(f"Delete tenant {tenant} with all it owns?", yes=yes)
    with AdminAPI.from_environment() as api:
        receipt = api.delete("tenant", tenant)
    note_revoked(f"deleted {tenant}", receipt)
