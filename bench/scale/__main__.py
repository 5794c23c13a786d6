"""`make bench-scale`: 100,000 MCP servers against 10, a thousand tokens in rotation, and lists at a million log rows.

    python -m bench.scale [--quick] [--servers N] [--tenants N] [--tokens N] [--log-rows N] [--out FILE]

Both gateways run at once, one worker each on the same core, and are loaded in turns, so that a machine whose speed
moves moves for both. Ends with status 1 when an answer was bad, or when memory or CPU per call with many servers
differs by more than a tenth from that with ten, or when a page of a list reads more rows than it shows.
"""

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis
from bench.peers import stub as stub_module
from bench.peers.peers import MODERN, Target, gateway_target, migrate, serving, stores
from bench.peers.processes import LOAD_CORE, calibration_ms, peak_mb, ready_url, resident_mb, running
from bench.peers.readings import drive, measured
from bench.scale.pages import reads, times_over_http
from bench.scale.provision import Provisioned, provision, sizes
from bench.scale.table import table, verdicts

from mcp_gateway.constants import PROCESS_CACHE_SECONDS

FEW = 10
CONNECTIONS = (16, 64)


@dataclass
class Site:
    """One gateway with its stores, and what is provisioned on it."""

    environment: dict[str, str]
    made: Provisioned
    pid: int
    url: str

    def target(self, paths: list[str]) -> Target:
        return gateway_target(self.pid, self.url, paths, MODERN)


@contextlib.contextmanager
def site(directory: Path, upstream: str, *, servers: int, tenants: int, calls: int) -> Iterator[Site]:
    directory.mkdir()
    with stores(directory) as environment:
        environment["GATEWAY_RICHPANEL_URL"] = upstream
        migrate(environment)
        began = time.monotonic()
        made = asyncio.run(provision(environment, servers=servers, tenants=tenants, calls=calls))
        print(f"{servers:,} servers, {calls:,} logged calls: written in {time.monotonic() - began:.0f} s", flush=True)
        with serving(environment, directory / "gateway.log") as (pid, url):
            yield Site(environment, made, pid, url)


def touched(target: Target, count: int) -> dict[str, Any]:
    """Each token once, one after the other."""
    return asdict(drive(target, "call", 1, 600, at_most=count))


def first_touches(target: Target, count: int) -> dict[str, dict[str, Any]]:
    """The three ways a token is found: in Postgres, in Redis, in the process."""
    found = {"Postgres": touched(target, count)}
    # Until the process has let its copies go, and Redis still has them: the gateway's clock is the machine's here.
    time.sleep(PROCESS_CACHE_SECONDS + 1)
    found["Redis"] = touched(target, count)
    # Ten by ten, twice: what was read a moment ago is still in the process.
    again = Target(target.pid, target.host, target.port, {"call": target.requests["call"][:FEW]}, target.marks)
    touched(again, FEW)
    found["process"] = touched(again, count)
    return found


def redis_bytes(environment: Mapping[str, str]) -> dict[str, float]:
    """Bytes a key of each kind in Redis, with Redis' own overhead."""
    used: dict[str, list[int]] = defaultdict(list)
    with redis.Redis.from_url(environment["GATEWAY_REDIS_URL"]) as client:
        for key in client.scan_iter(b"rpgw:*", count=1000):
            used[key.split(b":")[1].decode()].append(client.memory_usage(key) or 0)
    return {kind: statistics.mean(sizes) for kind, sizes in used.items()}


def compared(few: Site, many: Site, tokens: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """The loads, in turns."""
    some = random.Random(1).sample([path for path in many.made.paths if path not in set(tokens)], FEW)
    cases = {
        f"{FEW} servers": few.target(few.made.paths),
        f"{len(many.made.paths):,} servers": many.target(some),
        f"{len(many.made.paths):,} servers, {len(tokens):,} tokens": many.target(tokens),
    }
    readings: dict[str, dict[str, list[dict[str, Any]]]] = {
        name: {str(connections): [] for connections in CONNECTIONS} for name in cases
    }
    for target in cases.values():
        drive(target, "call", 8, min(2.0, options.seconds))
    for _ in range(options.rounds):
        for connections in CONNECTIONS:
            for name, target in cases.items():
                reading = measured(target, "call", connections, options.seconds)
                readings[name][str(connections)].append(reading)
                print(
                    f"  {name:36} c={connections:<3} {reading['rate']:>7,.0f}/s  p50 {reading['p50']:.2f} ms  "
                    f"p99 {reading['p99']:.2f} ms  {reading['cpu_ms']:.4f} ms CPU  bad {reading['bad']}",
                    flush=True,
                )
    return readings


def measure(upstream: str, directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    scale = {"servers": options.servers, "tenants": options.tenants, "calls": options.log_rows}
    with (
        site(directory / "few", upstream, servers=FEW, tenants=1, calls=0) as few,
        site(directory / "many", upstream, **scale) as many,
    ):
        report: dict[str, Any] = {"scale": {**scale, "tokens": options.tokens}, "calibration_ms": [calibration_ms()]}
        tokens = random.Random(0).sample(many.made.paths, options.tokens)
        report["idle_mb"] = [resident_mb(one.pid) for one in (few, many)]
        report["touches"] = {
            f"{FEW} servers": first_touches(few.target(few.made.paths), FEW),
            f"{options.servers:,} servers": first_touches(many.target(tokens), len(tokens)),
        }
        report["readings"] = compared(few, many, tokens, options)
        report["loaded_mb"] = [resident_mb(one.pid) for one in (few, many)]
        report["peak_mb"] = [peak_mb(one.pid) for one in (few, many)]
        report["redis"] = redis_bytes(many.environment)
        report["rows"] = asyncio.run(reads(many.environment, many.made))
        report["page_ms"] = times_over_http(many.url, many.environment, many.made)
        report["bytes_a_row"] = asyncio.run(sizes(many.environment))
        report["calibration_ms"].append(calibration_ms())
    return report


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 servers and 20,000 log rows: a minute")
    parser.add_argument("--servers", type=int, help="on the large gateway; 100,000")
    parser.add_argument("--tenants", type=int, help="that share them; 10,000")
    parser.add_argument("--tokens", type=int, help="in rotation; 1,000")
    parser.add_argument("--log-rows", type=int, help="in the log of tool calls; 1,000,000")
    parser.add_argument("--seconds", type=float, help="of each reading; 5")
    parser.add_argument("--rounds", type=int, help="in which each reading is taken; 3")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    quick = parser.parse_known_args()[0].quick
    full = {"servers": 100_000, "tenants": 10_000, "tokens": 1_000, "log_rows": 1_000_000, "seconds": 5.0, "rounds": 3}
    small = {"servers": 2_000, "tenants": 200, "tokens": 200, "log_rows": 20_000, "seconds": 1.0, "rounds": 1}
    parser.set_defaults(**(small if quick else full))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with running([sys.executable, str(stub_module.__file__)], LOAD_CORE, {}, directory / "stub.log") as process:
            report = measure(ready_url(process), directory, options)
    report["verdicts"] = [asdict(verdict) for verdict in verdicts(report)]
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    print("\n".join(["", *table(report), "", *map(str, verdicts(report))]))
    return int(not all(verdict.holds for verdict in verdicts(report)))


if __name__ == "__main__":
    sys.exit(main())
