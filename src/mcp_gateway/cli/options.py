"""Options that several commands share, and what they mean."""

import sys
from typing import Annotated

import typer

from mcp_gateway.cli.api import AdminAPI
from mcp_gateway.cli.output import print_page

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON instead of a table.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, max=100, help="Objects per page (the API's default: 50).")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="Where to go on: the cursor that came with the last page.")
]
All = Annotated[bool, typer.Option("--all", help="Follow the cursors to the end.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", help="The tenant's id. The operator must name one; with a tenant's API token it is implied."
    ),
]
ExpiresAt = Annotated[
    str | None,
    typer.Option(
        "--expires-at", help="RFC 3339 time, at least 60 seconds ahead, e.g. 2027-01-31T00:00:00Z. Default: never."
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        "--methods",
        help="Comma-separated: read (list, get), write (create, update, delete), one of the five, or exact tool names.",
    ),
]
Tags = Annotated[
    str | None,
    typer.Option("--tags", help="Comma-separated, e.g. support,orders; a tool passes when it carries one of them."),
]


def names(value: str | None) -> list[str] | None:
    """`a, b` -> `["a", "b"]`; None stays None, which means "not restricted"."""
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost, when there is somebody to ask."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)


def show_list(
    *path: str, columns: dict[str, str], limit: int | None, cursor: str | None, everything: bool, as_json: bool
) -> None:
    """Fetch and print a list of the admin API."""
    with AdminAPI.from_environment() as api:
        page = api.list_all(*path) if everything else api.list(*path, limit=limit, cursor=cursor)
    print_page(page, columns, as_json=as_json)
