"""Tables and records for people, JSON for programs; results go to standard output, the rest to standard error."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_WIDTH = 240
"""Where no terminal limits the width, nothing is cut."""


def print_json(document: Any) -> None:
    """The answer of the API as it came, indented."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def print_page(page: Mapping[str, Any], columns: Mapping[str, str], *, as_json: bool) -> None:
    """One page of a list; `columns` maps a member of each object (dots go deeper) to the heading of its column."""
    if as_json:
        print_json(page)
        return
    print_table(page["result"], columns)
    if cursor := page.get("next_cursor"):
        note(f"more: --cursor {cursor} (or --all)")


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """A table on the terminal; one line, and nothing else, when there are no rows."""
    if not rows:
        note("none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text_of(_member(row, path))) for path in columns))
    _console().print(table)


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """One object, a line for each member. Lines are never wrapped, so that a URL can be copied whole."""
    if as_json:
        print_json(record)
        return
    width = max((len(name) for name in record), default=0)
    console = _console()
    for name, value in record.items():
        console.print(
            f"[bold]{escape(name.ljust(width))}[/bold]  {escape(text_of(value))}", soft_wrap=True, highlight=False
        )


def note(text: str) -> None:
    """A remark that is no part of the result."""
    Console(stderr=True).print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def note_revoked(done: str, receipt: Mapping[str, Any]) -> None:
    """What was taken away, and whether every process of the gateway has confirmed it."""
    count = receipt.get("replicas")
    if count and count["confirmed"] == count["known"]:
        note(f"{done}; confirmed by {count['confirmed']} of {count['known']} processes")
    elif by := receipt.get("in_force_everywhere_by"):
        note(f"{done}; in force everywhere by {by}")
    else:
        note(done)


def print_error(lines: Sequence[str]) -> None:
    """What went wrong, the first line marked."""
    console = Console(stderr=True)
    first, *rest = lines
    console.print(f"[bold red]error:[/bold red] {escape(first)}", highlight=False, soft_wrap=True)
    for line in rest:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def text_of(value: Any) -> str:
    """A JSON value for a person: `-` for nothing, lists without brackets, objects as JSON."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _member(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
