"""The outcome on one screen: clients down, steps across, reasons below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OK, FAIL = "ok", "FAIL"
KNOWN = "known"
"""Fell short by the client's own doing, as the roster says."""


@dataclass(frozen=True)
class Cell:
    """What became of one step; `reason` is empty when it passed."""

    mark: str
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """One client."""

    name: str
    cells: Mapping[str, Cell]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """No step failed."""
        return all(cell.mark != FAIL for cell in self.cells.values())


def printed(rows: Sequence[Row], steps: Sequence[str]) -> str:
    """The table as text."""
    width = max((len(row.name) for row in rows), default=0)
    lines = ["  ".join(["client".ljust(width), *(step.ljust(8) for step in steps), "seconds"])]
    for row in rows:
        marks = (row.cells[step].mark.ljust(max(8, len(step))) for step in steps)
        lines.append("  ".join([row.name.ljust(width), *marks, f"{row.seconds:7.1f}"]))
    for row in rows:
        reasons = [f"  {step}: {cell.reason}" for step, cell in row.cells.items() if cell.reason]
        if reasons or row.notes:
            lines += ["", row.name, *reasons, *(f"  {note}" for note in row.notes)]
    return "\n".join(lines)
