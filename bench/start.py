"""From starting `serve` to its first answer, with stores that run, are migrated and hold the MCP server called.

    python -m bench.start [--times 5] [--imports] [--quick] [--out FILE]

Bytecode is compiled beforehand, as `make setup` and the Dockerfile do it; the answer is looked at. `--imports` also
tells which modules the time goes to.
"""

import argparse
import compileall
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.peers import stub as stub_module
from bench.peers.peers import MODERN, gateway_target, migrate, provisioned, serving, stores
from bench.peers.processes import LOAD_CORE, MEASURED_CORE, cpu_seconds, pinned, ready_url, running, tree
from bench.peers.readings import drive

import mcp_gateway

BAR_SECONDS = 2.0
SERVING = "import mcp_gateway.cli.app, mcp_gateway.main"
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")


def start(environment: dict[str, str], log: Path, path: str) -> dict[str, float]:
    """Seconds until `ready`, until the first answer, and of CPU until then."""
    began = time.monotonic()
    with serving(environment, log) as (pid, url):
        ready = time.monotonic() - began
        reading = drive(gateway_target(pid, url, [path], MODERN), "call", 1, 0)
        # What starting the load took is none of the gateway's.
        answered = ready + reading.seconds
        if reading.bad:
            raise SystemExit(f"not the answer: {reading.first_bad}")
        return {"ready": ready, "answered": answered, "cpu": cpu_seconds(tree(pid))}


def imports() -> list[str]:
    """The packages and modules that take longest, their own imports included."""
    command = pinned([sys.executable, "-X", "importtime", "-c", SERVING], MEASURED_CORE)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [(int(total), name) for _, total, _, name in IMPORT.findall(done.stderr)]
    return [f"{total / 1000:8.1f} ms  {name}" for total, name in sorted(found, reverse=True)[:40]]


def measure(times: int) -> list[dict[str, float]]:
    compileall.compile_dir(str(Path(mcp_gateway.__file__).parent), quiet=1)
    with tempfile.TemporaryDirectory() as place, stores(Path(place)) as environment:
        log = Path(place) / "processes.log"
        with running([sys.executable, str(stub_module.__file__)], LOAD_CORE, {}, log) as process:
            environment["GATEWAY_RICHPANEL_URL"] = ready_url(process)
            migrate(environment)
            with serving(environment, log) as (_, url):
                [path] = provisioned(url, environment["GATEWAY_OPERATOR_KEY"], 1)
            return [start(environment, log, path) for _ in range(times)]


def main() -> int:
    """0 when the median is under the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, help="starts; 5, or 2 when quick")
    parser.add_argument("--imports", action="store_true", help="the modules that take longest to import")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args()
    starts = measure(options.times or (2 if options.quick else 5))
    median: dict[str, Any] = {name: statistics.median(one[name] for one in starts) for name in starts[0]}
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps({"load": os.getloadavg(), "median": median, "starts": starts}) + "\n")
    mark = "ok  " if median["answered"] < BAR_SECONDS else "LOW "
    print(
        f"{mark}first answer after {median['answered']:.2f} s (bar {BAR_SECONDS:.0f}), ready after "
        f"{median['ready']:.2f} s, {median['cpu']:.2f} s of CPU; median of {len(starts)}"
    )
    if options.imports:
        print("\n".join(imports()))
    return int(median["answered"] >= BAR_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
