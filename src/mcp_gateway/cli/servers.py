"""`mcp-gateway server …`."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from mcp_gateway.cli.api import AdminAPI
from mcp_gateway.cli.options import All, AsJson, Cursor, ExpiresAt, Limit, Methods, Tags, Yes, confirm, names, show_list
from mcp_gateway.cli.output import note_revoked, print_record
from mcp_gateway.models.servers import MAX_DUPLICATE_WINDOW_SECONDS

app = typer.Typer(no_args_is_help=True, help="MCP servers: one secret URL each, with a choice of an account's tools.")

COLUMNS = {
    "id": "ID",
    "name": "NAME",
    "config.methods": "METHODS",
    "config.tags": "TAGS",
    "expires_at": "EXPIRES",
    "created_at": "CREATED",
}


class On429(StrEnum):
    """How a 429 of Richpanel is told."""

    TOOL_ERROR = "tool_error"
    HTTP_429 = "http_429"


AccountID = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id of the account it belongs to.")]
ServerID = Annotated[str, typer.Argument(metavar="SERVER", help="The server's id.")]
Overlap = Annotated[
    int,
    typer.Option(
        "--overlap",
        min=0,
        max=604_800,
        metavar="SECONDS",
        help="How long the old URL works on; up to 7 days. Default: not at all.",
    ),
]
NeedsToken = Annotated[
    bool,
    typer.Option(
        "--require-api-token", help="Callers must also send an API token of the tenant; the URL alone is not enough."
    ),
]
Fence = Annotated[
    bool,
    typer.Option(
        "--fence-untrusted-text", help="Wrap the text of results in markers; programs that parse that text would trip."
    ),
]
LogArguments = Annotated[
    bool, typer.Option("--log-arguments", help="Keep the arguments of each call in the log, and not only a hash.")
]
Upstream429 = Annotated[
    On429 | None,
    typer.Option(
        "--upstream-429", help="What a 429 of Richpanel becomes: a tool error (what MCP clients want) or HTTP 429."
    ),
]
DuplicateWindow = Annotated[
    int | None,
    typer.Option(
        "--duplicate-window",
        min=0,
        max=MAX_DUPLICATE_WINDOW_SECONDS,
        help="Seconds in which the same write is not sent again; 0 turns that off. Default 120.",
    ),
]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - one parameter for each option of the API
    account: AccountID,
    name: Annotated[str, typer.Argument(help="What people call it, e.g. `ChatGPT order tracker`.")],
    methods: Methods = None,
    tags: Tags = None,
    require_api_token: NeedsToken = False,
    upstream_429: Upstream429 = None,
    duplicate_window: DuplicateWindow = None,
    fence_untrusted_text: Fence = False,
    log_arguments: LogArguments = False,
    expires_at: ExpiresAt = None,
    as_json: AsJson = False,
) -> None:
    """Make an MCP server and show its URL, this once and never again.

    Whoever has the URL can use the tools, so give it only to the MCP client it is meant for. Without --methods and
    --tags it has every tool.
    """
    config = {
        "methods": names(methods),
        "tags": names(tags),
        "require_api_token_auth": require_api_token or None,
        "upstream_429": upstream_429 and upstream_429.value,
        "duplicate_window_seconds": duplicate_window,
        "fence_untrusted_text": fence_untrusted_text or None,
        "log_arguments": log_arguments or None,
    }
    given = {key: value for key, value in config.items() if value is not None}
    body: dict[str, Any] = {"name": name, "config": given}
    if expires_at is not None:
        body["expires_at"] = expires_at
    with AdminAPI.from_environment() as api:
        print_record(api.post("integrated-account", account, "mcp", body=body), as_json=as_json)


@app.command("list")
def list_(
    account: AccountID, limit: Limit = None, cursor: Cursor = None, everything: All = False, as_json: AsJson = False
) -> None:
    """List the MCP servers of an account, without their URLs."""
    path = ("integrated-account", account, "mcp")
    show_list(*path, columns=COLUMNS, limit=limit, cursor=cursor, everything=everything, as_json=as_json)


@app.command()
def show(account: AccountID, server: ServerID, as_json: AsJson = False) -> None:
    """Show one MCP server, without its URL."""
    with AdminAPI.from_environment() as api:
        print_record(api.get("integrated-account", account, "mcp", server), as_json=as_json)


@app.command()
def rotate(
    account: AccountID, server: ServerID, overlap: Overlap = 0, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Replace the URL of an MCP server and show the new one, this once and never again.

    The server stays as it is. The old URL works on for --overlap seconds, so that clients can be changed over.
    """
    confirm(f"Replace the URL of MCP server {server}?", yes=yes)
    with AdminAPI.from_environment() as api:
        body = {"overlap_seconds": overlap}
        print_record(api.post("integrated-account", account, "mcp", server, "rotate", body=body), as_json=as_json)


@app.command()
def delete(account: AccountID, server: ServerID, yes: Yes = False) -> None:
    """Delete an MCP server: its URL stops working at once, everywhere."""
    confirm(f"Delete MCP server {server}?", yes=yes)
    with AdminAPI.from_environment() as api:
        receipt = api.delete("integrated-account", account, "mcp", server)
    note_revoked(f"deleted {server}", receipt)
