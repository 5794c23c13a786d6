"""`mcp-gateway audit verify`: whether the audit log is as it was written."""

from pathlib import Path
from typing import Annotated

import typer
from uvicorn.importer import import_from_string

from mcp_gateway.cli.exits import FAULT
from mcp_gateway.cli.output import note, print_error
from mcp_gateway.config import Settings
from mcp_gateway.exceptions import InvalidInputError
from mcp_gateway.models.audit import AuditReport, BrokenRow, ChainEnd

# By name, as in operating.py: it brings in the database layer.
VERIFY = "mcp_gateway.factory:verify_audit_log"
NOTE_FIELDS = 3

app = typer.Typer(help="The audit log.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Option("--tenant", help="Check this tenant's chain alone.")]
Ends = Annotated[
    bool, typer.Option("--ends", help="Print the newest row of each chain: tenant, number, digest. Keep it elsewhere.")
]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against", exists=True, dir_okay=False, help="What --ends printed earlier; those rows must be there."
    ),
]


@app.command()
def verify(tenant: Tenant = None, ends: Ends = False, against: Against = None) -> None:
    """Check every row, as the owner's role (GATEWAY_MIGRATION_DATABASE_URL), while the gateway goes on.

    Names the first row of each chain that was edited, deleted, put elsewhere or cut off, and ends with status 1 if
    there is one. Rows signed with a key that is gone are vouched for by any later row whose key is still in
    GATEWAY_ENCRYPTION_KEYS.
    """
    noted = () if against is None else tuple(_noted(against))
    report: AuditReport = import_from_string(VERIFY)(Settings.from_environment(), tenant_id=tenant, noted=noted)
    if ends:
        for end in report.ends:
            typer.echo(f"{end.tenant_id} {end.seq} {end.digest}")
    if report.broken:
        print_error([_sentence(broken) for broken in report.broken])
        raise typer.Exit(FAULT)
    note(f"{report.rows} rows in {len(report.ends)} chains are as they were written")


def _sentence(broken: BrokenRow) -> str:
    named = f" ({broken.id})" if broken.id else ""
    return f"tenant {broken.tenant_id}: row {broken.seq}{named} {broken.problem}"


def _noted(path: Path) -> list[ChainEnd]:
    found = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        fields = line.split()
        if len(fields) != NOTE_FIELDS or not fields[1].isdecimal():
            raise InvalidInputError(f"--against: line {number} is not what --ends prints: tenant, number, digest")
        found.append(ChainEnd(fields[0], int(fields[1]), fields[2]))
    return found
