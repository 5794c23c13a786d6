"""What a gate found: one line per figure, kept in a file so that `make security` can print them all at the end."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FULL = "SECURITY_FULL"
"""Environment: set by `make security`, where the gates run with the numbers of their bars."""
FILE = "SECURITY_FIGURES"
"""Environment: where to append the figures, a JSON object a line."""

GATES = {
    "G1": "nothing leaks a secret",
    "G2": "tenants are isolated",
    "G3": "revocation reaches every replica",
    "G6": "no input breaks the service",
    "G7": "a write is sent at most once",
    "G10": "a noisy neighbour is not heard",
    "G11": "a hostile upstream is contained",
    "G12": "injected text stays text",
    "audit": "every change is on record",
    "keys": "keys change while serving",
    "limits": "our own limits hold",
}
"""What a figure may belong to: the numbered gates of the bar, and promises of docs/security.md beside them."""


@dataclass(frozen=True)
class Figure:
    """One reading."""

    gate: str
    what: str
    measured: str
    bar: str
    n: int
    """How many trials it comes from."""
    holds: bool


class Figures:
    """Takes readings down, and fails the test whose reading misses its bar."""

    def record(self, gate: str, what: str, *, measured: object, bar: str, n: int, holds: bool) -> None:
        """Write one figure down; `measured` and `bar` are texts with their unit."""
        assert gate in GATES, f"unknown gate {gate}: {', '.join(GATES)}"
        figure = Figure(gate, what, str(measured), bar, n, holds)
        path = os.environ.get(FILE)
        if path:
            with Path(path).open("a") as lines:
                lines.write(json.dumps(asdict(figure)) + "\n")
        assert holds, f"{gate} {what}: {figure.measured}, the bar is {bar} (n = {n})"


class Scale:
    """How much of it: the bar's own numbers under `make security`, few in the suite."""

    def __init__(self, *, is_full: bool) -> None:
        self.is_full = is_full
        """Whether times and memory are judged too: the suite never judges them."""

    def __call__(self, *, full: int, quick: int) -> int:
        """One of the two."""
        return full if self.is_full else quick


def read(path: Path) -> list[Figure]:
    """What was taken down."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines()]
