"""The report as tables, and what must hold."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.scale.pages import LIMIT

Report = Mapping[str, Any]
TOLERANCE = 0.10
MEMORY_MB = 150
EXTRA_ROWS = 5
"""Beside those a page shows: the one after them, and what a transaction looks up first."""
LOOK_UP_ROWS = 20


@dataclass(frozen=True)
class Verdict:
    """One bar."""

    holds: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.holds else 'LOW '}{self.text}"


def median(report: Report, case: str, connections: str, figure: str) -> float:
    return statistics.median(reading[figure] for reading in report["readings"][case][connections])


def table(report: Report) -> list[str]:
    """Markdown."""
    lines = ["| servers | c | calls/s | CPU ms | p50/p95/p99 ms | others used |", "|---" * 6 + "|"]
    for case, by_connections in report["readings"].items():
        for connections in by_connections:
            rate, cpu, p50, p95, p99, foreign = (
                median(report, case, connections, figure)
                for figure in ("rate", "cpu_ms", "p50", "p95", "p99", "foreign")
            )
            lines.append(
                f"| {case} | {connections} | {rate:,.0f} | {cpu:.4f} | {p50:.2f}/{p95:.2f}/{p99:.2f} | {foreign:.0%} |"
            )
    lines += ["", "| a token is found in | servers | p50/p99 ms, c=1 |", "|---" * 3 + "|"]
    for case, touches in report["touches"].items():
        lines += [f"| {where} | {case} | {one['p50']:.2f}/{one['p99']:.2f} |" for where, one in touches.items()]
    lines += ["", "| page | rows read | ms over HTTP |", "|---" * 3 + "|"]
    for page, reads in report["rows"].items():
        took = report["page_ms"].get(page)
        lines.append(f"| {page} | {reads['rows']} | {'' if took is None else f'{took:.1f}'} |")
    held = ", ".join(f"{name} {size:.0f}" for name, size in report["bytes_a_row"].items())
    idle, loaded, peak = report["idle_mb"], report["loaded_mb"], max(report["peak_mb"])
    lines.append("")
    loads = f"after load {loaded[0]:.0f}, {loaded[1]:.0f}; peak {peak:.0f}"
    lines.append(f"MB of the process: idle {idle[0]:.0f}, {idle[1]:.0f}; {loads}.")
    keys = ", ".join(f"{kind} {size:.0f}" for kind, size in report["redis"].items())
    a_token = (loaded[1] - loaded[0]) * 2**20 / report["scale"]["tokens"]
    lines.append(f"Bytes a row with indexes: {held}. Bytes a key in Redis: {keys}.")
    lines.append(f"Bytes a token in the process, by the difference after load: {a_token:,.0f}.")
    return lines


def verdicts(report: Report) -> list[Verdict]:
    """The bars."""
    base, *others = report["readings"]
    found = []
    for case in others:
        for connections in report["readings"][case]:
            ratio = median(report, case, connections, "cpu_ms") / median(report, base, connections, "cpu_ms")
            found.append(Verdict(abs(ratio - 1) <= TOLERANCE, f"CPU a call, {case}, c={connections}: {_off(ratio)}"))
    few, many = report["loaded_mb"]
    found.append(Verdict(abs(many / few - 1) <= TOLERANCE, f"memory after load: {_off(many / few)}"))
    found.append(Verdict(max(few, many) < MEMORY_MB, f"memory after load under {MEMORY_MB} MB: {max(few, many):.0f}"))
    bad = sum(one["bad"] for case in report["readings"].values() for taken in case.values() for one in taken)
    bad += sum(one["bad"] for touches in report["touches"].values() for one in touches.values())
    found.append(Verdict(not bad, f"bad answers: {bad}"))
    return found + [_flat(page, reads) for page, reads in report["rows"].items()]


def _off(ratio: float) -> str:
    return f"{ratio - 1:+.1%} against ten servers (bar {TOLERANCE:.0%})"


def _flat(page: str, reads: Mapping[str, int]) -> Verdict:
    bar = LOOK_UP_ROWS if page.startswith("look-up") else LIMIT + EXTRA_ROWS
    return Verdict(reads["rows"] <= bar, f"{page}: {reads['rows']} rows read (bar {bar:,})")
