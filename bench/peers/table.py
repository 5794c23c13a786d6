"""The report as a table, and its ratios against the bars of docs/performance.md."""

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
FOREIGN_SHARE = 0.10
COLUMNS = (
    ("call c=1", "call", 1),
    ("c=16", "call", 16),
    ("c=64", "call", 64),
    ("c=256", "call", 256),
    ("list c=1", "list", 1),
    ("list c=16", "list", 16),
    ("initialize c=16", "initialize", 16),
)


def reading(report: Report, peer: str, scenario: str, connections: int) -> Mapping[str, Any] | None:
    """One reading, where it was taken."""
    for result in report["peers"]:
        if result["name"] == peer:
            for one in result["readings"]:
                if (one["scenario"], one["connections"]) == (scenario, connections):
                    found: Mapping[str, Any] = one
                    return found
    return None


def table(report: Report) -> list[str]:
    """Markdown: answers a second, CPU milliseconds an answer, latencies, memory, start."""
    titles = [title for title, _, _ in COLUMNS]
    lines = [
        "| peer | "
        + " | ".join(titles)
        + " | p50/p95/p99 ms, c=1 | p50/p99 ms, c=64 | MB idle/loaded | first answer, s |",
        "|---" * (len(titles) + 5) + "|",
    ]
    for result in report["peers"]:
        name = result["name"]
        cells = [_rate(reading(report, name, scenario, connections)) for _, scenario, connections in COLUMNS]
        one, many = reading(report, name, "call", 1), reading(report, name, "call", 64)
        cells.append(f"{one['p50']:.2f}/{one['p95']:.2f}/{one['p99']:.2f}" if one else "")
        cells.append(f"{many['p50']:.1f}/{many['p99']:.1f}" if many else "")
        cells.append(f"{result['idle_mb']:.0f}/{result['loaded_mb']:.0f}")
        cells.append(f"{result['first_answer_seconds']:.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    low, high = min(report["calibration_ms"]), max(report["calibration_ms"])
    lines += ["", f"Each cell: answers/s, CPU ms an answer. A fixed loop of Python took {low:.0f} to {high:.0f} ms."]
    lines.append(f"~: others used more than {FOREIGN_SHARE:.0%} of the measured core during this reading.")
    return lines


def _rate(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    mark = "~" if one["foreign"] > FOREIGN_SHARE else ""
    bad = f" ({one['bad']} bad)" if one["bad"] else ""
    return f"{one['rate']:,.0f}{mark}, {one['cpu_ms']:.3f}{bad}"


def verdicts(report: Report) -> list[str]:
    """The ratios that are promised, those against the quicker of a peer's eras first of all."""
    eras = [result["name"] for result in report["peers"] if result["name"].startswith("gateway")]
    rivals = [result["name"] for result in report["peers"] if result["name"].startswith("FastMCP")]
    lines = []
    for era in eras:
        for rival in rivals:
            lines += _ratio(report, era, rival, scenario="call", connections=64, bar=20)
            lines += _ratio(report, era, rival, scenario="list", connections=16, bar=40)
        for floor in ("floor, our client", "floor, pyqwest", "floor, raw protocol"):
            lines += _ratio(report, era, floor, scenario="call", connections=64, bar=0.4)
        direct, ours = reading(report, "the stub, asked directly", "call", 1), reading(report, era, "call", 1)
        if direct and ours:
            lines.append(f"{era}: adds {ours['p50'] - direct['p50']:.3f} ms at one connection (p50; the bar is 0.6)")
    return lines


def _ratio(report: Report, ours: str, theirs: str, *, scenario: str, connections: int, bar: float) -> list[str]:
    mine, other = reading(report, ours, scenario, connections), reading(report, theirs, scenario, connections)
    if not mine or not other:
        return []
    ratio = mine["rate"] / other["rate"]
    mark = "ok  " if ratio >= bar else "LOW "
    cpu = other["cpu_ms"] / mine["cpu_ms"]
    return [
        (
            f"{mark}{ours}: {ratio:.2f} times {theirs} in {scenario} at {connections}"
            f" (bar {bar}); {cpu:.2f} times by CPU an answer"
        )
    ]
