"""`make bench`: the gateway, its peers and the floor on the same work, one worker and one core each.

    python -m bench.peers [--quick] [--only gateway,floor] [--out FILE]

Prints the table and writes JSON. Every answer is looked at: one without the ticket in it counts as bad, and a bad one
ends the run with status 1. Rates are for comparing within one run; CPU per call is the steady figure.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.peers.peers import PEERS, Bench, Peer
from bench.peers.processes import LOAD_CORE, calibration_ms, memory_mb, ready_url, running, tree
from bench.peers.readings import drive, measured
from bench.peers.table import table, verdicts

HERE = Path(__file__).parent
CALL_CONNECTIONS, OTHER_CONNECTIONS = (1, 16, 64, 256), (1, 16)
QUICK_CALL_CONNECTIONS, QUICK_OTHER_CONNECTIONS = (1, 64), (16,)
ROUNDS = 3.5
"""Slow peers get a longer window, so that each connection is answered a few times."""
LONGEST_SECONDS = 30.0


def measure(peer: Peer, bench: Bench, seconds: float, *, quick: bool) -> dict[str, Any]:
    """All readings of one peer, with memory before and after, and the time from start to the first good answer."""
    started = time.monotonic()
    with peer.start(bench) as target:
        drive(target, peer.scenarios[0], 1, 0)
        result: dict[str, Any] = {"name": peer.name, "first_answer_seconds": time.monotonic() - started}
        result["idle_mb"] = memory_mb(tree(target.pid))
        result["readings"] = []
        for scenario in peer.scenarios:
            warm = drive(target, scenario, 8, min(1.0, seconds))
            rate = warm.answers / warm.seconds
            calls, others = (
                (QUICK_CALL_CONNECTIONS, QUICK_OTHER_CONNECTIONS) if quick else (CALL_CONNECTIONS, OTHER_CONNECTIONS)
            )
            for connections in calls if scenario == "call" else others:
                window = min(max(seconds, ROUNDS * connections / rate), LONGEST_SECONDS)
                reading = measured(target, scenario, connections, window)
                result["readings"].append(reading)
                print(
                    f"  {scenario:10} c={connections:<4} {reading['rate']:>9,.0f}/s  p50 {reading['p50']:.3f} ms  "
                    f"p99 {reading['p99']:.3f} ms  {reading['cpu_ms']:.4f} ms CPU  bad {reading['bad']}",
                    flush=True,
                )
        result["loaded_mb"] = memory_mb(tree(target.pid))
    return result


def main() -> int:
    """0 when no answer was bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer loads, shorter: within 3 minutes")
    parser.add_argument("--only", default="", help="peers whose name holds one of these, comma-separated")
    parser.add_argument("--seconds", type=float, default=0.0, help="of each reading; 5, or 2 when quick")
    parser.add_argument("--servers", type=int, default=1, help="MCP servers of the gateway that calls go round")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="how long the stub holds an answer back")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    seconds = options.seconds or (2.0 if options.quick else 5.0)
    wanted = [word.strip().lower() for word in options.only.split(",") if word.strip()]
    peers = [
        peer
        for peer in PEERS
        if (any(word in peer.name.lower() for word in wanted) if wanted else not (options.quick and peer.is_older))
    ]
    stub = [sys.executable, str(HERE / "stub.py"), "--delay-ms", str(options.delay_ms)]
    results = []
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with running(stub, LOAD_CORE, {}, directory / "stub.log") as process:
            bench = Bench(ready_url(process), directory, servers=options.servers)
            calibration = calibration_ms()
            for peer in peers:
                print(peer.name, flush=True)
                results.append(measure(peer, bench, seconds, quick=options.quick))
    report = {"calibration_ms": [calibration, calibration_ms()], "seconds": seconds, "peers": results}
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    print("\n".join(["", *table(report), "", *verdicts(report)]))
    return int(any(reading["bad"] for result in results for reading in result["readings"]))


if __name__ == "__main__":
    sys.exit(main())
