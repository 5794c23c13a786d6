"""An upstream that takes its time: 500 calls in flight on one worker, what the gateway adds, and its memory.

    python -m bench.slow_upstream [--delays 50,500] [--connections 1,100,500] [--seconds 10] [--quick] [--out FILE]

Added is the gateway's p50 and p99 less those of the stub asked directly by as many connections. Connections that each
wait for their answer ask for connections/delay calls a second (10,000 for 500 at 50 ms): where that is more than a
worker can do, as the rate shows, what is added is the queue for the worker and no property of the delay.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.peers import stub as stub_module
from bench.peers.peers import MODERN, Bench, Target, gateway, stub_itself
from bench.peers.processes import LOAD_CORE, peak_mb, ready_url, resident_mb, running
from bench.peers.readings import drive, measured

LOADS = 4
"""So often the largest load is put on; memory that is bounded has stopped growing by the last."""
GROWTH = 0.05


def reading(target: Target, connections: int, seconds: float, delay_ms: float) -> dict[str, Any]:
    """Once connections are made, and for long enough that each is answered ten times."""
    seconds = max(seconds, 10 * delay_ms / 1000)
    drive(target, "call", connections, 2 * delay_ms / 1000)
    return measured(target, "call", connections, seconds)


def measure(delay_ms: float, connections: list[int], seconds: float) -> list[dict[str, Any]]:
    rows = []
    stub = [sys.executable, str(stub_module.__file__), "--delay-ms", str(delay_ms)]
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with running(stub, LOAD_CORE, {}, directory / "stub.log") as process:
            bench = Bench(ready_url(process), directory)
            with stub_itself(bench) as direct, gateway(MODERN)(bench) as ours:
                for count in [*connections, *[max(connections)] * (LOADS - 1)]:
                    without = drive(direct, "call", count, max(seconds, 10 * delay_ms / 1000))
                    idle = resident_mb(ours.pid)
                    through = reading(ours, count, seconds, delay_ms)
                    rows.append(
                        {
                            "delay_ms": delay_ms,
                            "connections": count,
                            "direct": asdict(without),
                            "gateway": through,
                            "added_p50": through["p50"] - without.p50,
                            "added_p99": through["p99"] - without.p99,
                            "mb_before": idle,
                            "mb_after": resident_mb(ours.pid),
                            "mb_peak": peak_mb(ours.pid),
                        }
                    )
    return rows


def main() -> int:
    """0 when no answer was bad and memory stopped growing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", default="50,500", help="milliseconds, comma-separated")
    parser.add_argument("--connections", default="1,100,500", help="how many at a time, comma-separated")
    parser.add_argument("--seconds", type=float, help="of each reading at least; 10, or 2 when quick")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    connections = [int(count) for count in options.connections.split(",")]
    seconds = options.seconds or (2.0 if options.quick else 10.0)
    by_delay = [measure(float(delay), connections, seconds) for delay in options.delays.split(",")]
    rows = [row for one in by_delay for row in one]
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
    print("| delay ms | in flight | calls/s | added p50/p99 ms | CPU ms a call | MB before/after/peak | bad |")
    print("|---" * 7 + "|")
    for row in rows:
        through = row["gateway"]
        print(
            f"| {row['delay_ms']:.0f} | {row['connections']} | {through['rate']:,.0f} "
            f"| {row['added_p50']:.1f}/{row['added_p99']:.1f} | {through['cpu_ms']:.3f} "
            f"| {row['mb_before']:.0f}/{row['mb_after']:.0f}/{row['mb_peak']:.0f} | {through['bad']} |"
        )
    grew = max(one[-1]["mb_peak"] / one[-2]["mb_peak"] - 1 for one in by_delay)
    print(
        f"{'ok  ' if grew <= GROWTH else 'LOW '}memory: the last load added {grew:.1%} to the peak (bar {GROWTH:.0%})"
    )
    return int(grew > GROWTH or any(row["gateway"]["bad"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
