"""`serve --workers N`: rates with one, two and four workers, nothing kept on a core of its own.

    python -m bench.workers [--counts 1,2,4] [--connections 64] [--seconds 5] [--quick] [--out FILE]

The load, the stub and the stores need cores too: on a machine with two, the rate of two workers is below twice that of
one, and four can show nothing. CPU per call tells what a worker costs, and the shares how evenly connections fall on
them.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.peers import stub as stub_module
from bench.peers.peers import MODERN, gateway_target, migrate, provisioned, serving, stores
from bench.peers.processes import cpu_seconds, memory_mb, ready_url, running, tree
from bench.peers.readings import drive

SERVERS = 20


def measure(environment: dict[str, str], directory: Path, workers: int, options: argparse.Namespace) -> dict[str, Any]:
    with serving(environment, directory / "gateway.log", workers=workers, core=None) as (pid, url):
        paths = provisioned(url, environment["GATEWAY_OPERATOR_KEY"], SERVERS)
        target = gateway_target(pid, url, paths, MODERN)
        drive(target, "call", options.connections, min(2.0, options.seconds), core=None)
        family = tree(pid)
        before = [cpu_seconds([one]) for one in family]
        reading = drive(target, "call", options.connections, options.seconds, core=None)
        used = [cpu_seconds([one]) - earlier for one, earlier in zip(family, before, strict=True)]
        busy = sorted(used, reverse=True)[:workers]
        return {
            "workers": workers,
            "rate": reading.answers / reading.seconds,
            "cpu_ms": sum(used) * 1000 / max(1, reading.answers),
            "p50": reading.p50,
            "p99": reading.p99,
            "bad": reading.bad,
            "shares": [one / max(sum(used), 0.01) for one in busy],
            "mb": memory_mb(family),
        }


def main() -> int:
    """0 when no answer was bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1,2,4", help="how many workers, one run each")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, help="of each run; 5, or 1 when quick")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    options.seconds = options.seconds or (1.0 if options.quick else 5.0)
    with tempfile.TemporaryDirectory() as place, stores(Path(place), core=None) as environment:
        directory = Path(place)
        with running([sys.executable, str(stub_module.__file__)], None, {}, directory / "stub.log") as process:
            environment["GATEWAY_RICHPANEL_URL"] = ready_url(process)
            migrate(environment)
            counts = [int(count) for count in options.counts.split(",")]
            runs = [measure(environment, directory, count, options) for count in counts]
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps({"cores": os.cpu_count(), "runs": runs}, indent=1) + "\n")
    shared = "shared with the load, the stub and the stores"
    print(f"{os.cpu_count()} cores, {shared}; {options.connections} connections")
    print("| workers | calls/s | CPU ms a call | p50/p99 ms | share of each worker | MB in all |")
    print("|---" * 6 + "|")
    for run in runs:
        shares = ", ".join(f"{share:.0%}" for share in run["shares"])
        print(
            f"| {run['workers']} | {run['rate']:,.0f} | {run['cpu_ms']:.3f} | {run['p50']:.1f}/{run['p99']:.1f} "
            f"| {shares} | {run['mb']:.0f} |"
        )
    return int(any(run["bad"] for run in runs))


if __name__ == "__main__":
    sys.exit(main())
