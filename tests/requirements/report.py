"""The table: each row with its tests, then what is not proven and why."""

from collections import Counter
from collections.abc import Iterator

from tests.requirements.manifest import ROWS
from tests.requirements.markers import collected_files, read
from tests.requirements.row import LEVELS, Unproven
from tests.requirements.unproven import DEPARTURES, LATER, NOT_OURS


def report() -> Iterator[str]:
    """The lines of the table."""
    tests = read(collected_files()).tests
    for row in ROWS:
        yield f"{row.id}  {row.level}  {', '.join(row.revisions)}  [{row.source}]"
        yield f"    {row.text}"
        yield from (f"    - {test}" for test in tests.get(row.id, ["NO TEST"]))
    yield from _unproven("Later", LATER)
    yield from _unproven("Otherwise on purpose", DEPARTURES)
    yield from _unproven("Not ours", NOT_OURS)
    count = Counter(row.level for row in ROWS)
    levels = ", ".join(f"{count[level]} {level}" for level in LEVELS)
    yield f"\n{levels}; {len(LATER)} later, {len(DEPARTURES)} otherwise, {len(NOT_OURS)} not ours"


def _unproven(title: str, entries: tuple[Unproven, ...]) -> Iterator[str]:
    yield f"\n{title}"
    for entry in entries:
        yield f"  {entry.what}  [{entry.source}]"
        yield f"    {entry.reason}"
