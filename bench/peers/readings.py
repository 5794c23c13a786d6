"""One reading: a load from the other core, and what it cost."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.peers.load import Load, Reading
from bench.peers.peers import Target
from bench.peers.processes import LOAD_CORE, MEASURED_CORE, busy_seconds, cpu_seconds, pinned, tree

HERE = Path(__file__).parent
FOREIGN_SHARE = 0.10
"""A reading during which others used more of the measured core is taken again, and marked if it stays so."""
TRIES = 3


def drive(
    target: Target,
    scenario: str,
    connections: int,
    seconds: float,
    *,
    at_most: int = 0,
    core: int | None = LOAD_CORE,
) -> Reading:
    """One load, from the other core."""
    load = Load(
        host=target.host,
        port=target.port,
        requests=[request.decode() for request in target.requests[scenario]],
        connections=connections,
        seconds=seconds,
        mark=target.marks[scenario],
        at_most=at_most,
    )
    command = pinned([sys.executable, str(HERE / "load.py")], core)
    done = subprocess.run(command, input=json.dumps(asdict(load)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{scenario} at {connections}: {done.stderr.strip()[-600:]}")
    return Reading(**json.loads(done.stdout))


def measured(target: Target, scenario: str, connections: int, seconds: float) -> dict[str, Any]:
    """One reading, with the CPU it cost; taken again when somebody else was at work on the core."""
    best: dict[str, Any] = {}
    for _ in range(TRIES):
        family = tree(target.pid)
        cpu, busy, started = cpu_seconds(family), busy_seconds(MEASURED_CORE), time.monotonic()
        reading = drive(target, scenario, connections, seconds)
        used = cpu_seconds(family) - cpu
        foreign = max(0.0, busy_seconds(MEASURED_CORE) - busy - used) / (time.monotonic() - started)
        taken = {
            **asdict(reading),
            "scenario": scenario,
            "connections": connections,
            "rate": reading.answers / reading.seconds,
            "cpu_ms": used * 1000 / max(1, reading.answers),
            "foreign": foreign,
        }
        if not best or foreign < best["foreign"]:
            best = taken
        if foreign <= FOREIGN_SHARE:
            break
    return best
