"""What so many servers and calls a second need: the arithmetic of docs/scaling.md.

    python -m bench.sizing [--servers 10000000] [--calls 50000] [--active 100000] [--rate 3300] [--report FILE]

Bytes come from a report of `make bench-scale`; the rate of one process is yours to fill in, from `make bench` on the
machine in question.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mcp_gateway.constants import PROCESS_CACHE_SECONDS, REDIS_RECORD_SECONDS
from mcp_gateway.services.call_log import BATCH_ROWS
from mcp_gateway.services.last_seen import MINUTE
from mcp_gateway.storage.token_store import MAX_CACHED

GB, DAY = 1e9, 86_400
HEADROOM = 0.6
"""Of what a process can do, used at the busiest minute."""
TENANTS_A_SERVER = ACCOUNTS_A_SERVER = 0.1
RETENTION_DAYS = 30


def look_ups(calls: float, active: float, processes_a_token: float) -> float:
    """Calls a second whose token the process must ask Redis for.

    A copy lives so many seconds from the read that made it; with calls at random times a token that a process is asked
    for r times a second is read r / (1 + r * seconds) times a second.
    """
    each = calls / active / processes_a_token
    return active * processes_a_token * each / (1 + each * PROCESS_CACHE_SECONDS)


def lines(options: argparse.Namespace, report: dict[str, Any]) -> list[str]:
    row, key = report["bytes_a_row"], report["redis"]
    processes = -(-options.calls // (options.rate * HEADROOM))
    rows = options.servers * (
        row["mcp_servers"] + TENANTS_A_SERVER * row["tenants"] + ACCOUNTS_A_SERVER * row["integrated_accounts"]
    )
    token_bytes = (report["loaded_mb"][1] - report["loaded_mb"][0]) * 2**20 / report["scale"]["tokens"]
    log = options.calls * row["tool_calls"]
    apart, together = (look_ups(options.calls, options.active, spread) for spread in (processes, 1))
    day = log * DAY / 1e12
    written = f"{options.calls / BATCH_ROWS:,.0f} statements, {log / 1e6:.0f} MB/s"
    figures = {
        "processes": f"{processes:,.0f}, at {options.rate:,} calls/s each and {HEADROOM:.0%} of that used",
        "Postgres, size without logs": f"{rows / GB:.1f} GB",
        "Postgres, token look-ups": f"{min(options.calls, options.active / REDIS_RECORD_SECONDS):,.0f} /s",
        "Postgres, last use of servers": f"{options.active / MINUTE:,.0f} rows/s",
        "Postgres, log of tool calls": f"{options.calls:,} rows/s in {written}",
        "the same, kept": f"{day:.1f} TB a day, {day * RETENTION_DAYS:.0f} TB in {RETENTION_DAYS} days",
        "Redis, look-ups, any process gets any call": f"{apart:,.0f} /s",
        "Redis, look-ups, a token keeps to a process": f"{together:,.0f} /s",
        "Redis, records of active tokens": f"{options.active * key['server'] / GB:.2f} GB",
        "Redis, records if every token were active": f"{options.servers * key['server'] / GB:.1f} GB",
        "Redis, quotas": f"{options.active * (1 + TENANTS_A_SERVER) * key['quota'] / GB:.3f} GB",
        "a process, bytes a token": f"{token_bytes:,.0f}",
        "a process, all tokens it may hold": f"{MAX_CACHED:,} tokens, {MAX_CACHED * token_bytes / 1e6:.0f} MB",
    }
    return [f"{name:44} {figure}" for name, figure in figures.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=10_000_000)
    parser.add_argument("--calls", type=int, default=50_000, help="a second")
    parser.add_argument("--active", type=int, default=100_000, help="servers that are called within a minute")
    parser.add_argument("--rate", type=int, default=3_300, help="calls a second of one process")
    parser.add_argument("--report", type=Path, default=Path(".data/bench-scale.json"))
    options = parser.parse_args()
    print("\n".join(lines(options, json.loads(options.report.read_text()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
