"""`make security`: the gates with the numbers of their bars, and each figure against its bar.

Fails when a test fails, when a figure misses its bar, and when a gate has no figure.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.security.figures import FILE, FULL, GATES, Figure, read

HERE = Path(__file__).parent


def main(options: list[str]) -> int:
    """0 when every gate holds."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "figures.jsonl"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *(options or [str(HERE)])]
        started = time.monotonic()
        status = subprocess.run(  # noqa: S603 - our own command
            command, env=os.environ | {FULL: "1", FILE: str(path)}, check=False
        ).returncode
        found = read(path)
    print("\n".join(table(found)))
    print(f"{len(found)} figures in {time.monotonic() - started:.0f} s")
    # Asked for one file, the others owe nothing.
    missing = [] if options else [gate for gate in GATES if gate not in {figure.gate for figure in found}]
    if missing:
        print(f"no figure for: {', '.join(missing)}")
    return int(status != 0 or bool(missing) or not all(figure.holds for figure in found))


def table(figures: list[Figure]) -> list[str]:
    """One line a figure, by gate."""
    order = list(GATES)
    rows = [("", "gate", "what", "measured", "bar", "n")]
    for figure in sorted(figures, key=lambda figure: order.index(figure.gate)):
        mark = "ok" if figure.holds else "FAIL"
        rows.append((mark, figure.gate, figure.what, figure.measured, figure.bar, f"{figure.n:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
