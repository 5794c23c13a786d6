"""Processes on chosen cores, and what they use."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MEASURED_CORE, LOAD_CORE = 0, 1
"""What is measured has a core for itself; load, stub and stores share the other."""
STOP_SECONDS = 10


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """The command, kept on one core with all its children; None leaves it where it likes."""
    if core is None:
        return [*command]
    place = f"import os,sys; os.sched_setaffinity(0, {{{core}}}); os.execvp(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", place, *command]


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int | None, environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[str]"]:
    """The process for the length of the block, its children too; its standard error goes to the log."""
    with log.open("a") as errors:
        process = subprocess.Popen(
            pinned(command, core),
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[str]") -> None:
    """End it and whatever it started."""
    family = tree(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def ready_url(process: "subprocess.Popen[str]") -> str:
    """Of a process that prints `ready URL`."""
    assert process.stdout is not None
    line = process.stdout.readline().split()
    if line[:1] != ["ready"]:
        raise SystemExit(f"{process.args!r} did not start: {line}")
    return line[1]


def tree(pid: int) -> list[int]:
    """The process and all it started."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                left += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Used so far, by all threads, in user and kernel mode."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def memory_mb(pids: Sequence[int]) -> float:
    """Proportional set size: shared pages count by their share."""
    return sum(_megabytes(pid, "smaps_rollup", "Pss") for pid in pids)


def resident_mb(pid: int) -> float:
    """Of one process, whatever it shares included: what does not change with who else runs."""
    return _megabytes(pid, "status", "VmRSS")


def peak_mb(pid: int) -> float:
    """The most that was ever resident of one process."""
    return _megabytes(pid, "status", "VmHWM")


def _megabytes(pid: int, file: str, field: str) -> float:
    with contextlib.suppress(OSError):
        found = re.search(rf"^{field}:\s+(\d+)", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0
    return 0


def busy_seconds(core: int) -> float:
    """What everything together has used of one core so far."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    fields = [int(field) for field in line.split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / TICKS


def calibration_ms() -> float:
    """How long a fixed piece of Python takes on the measured core: the machine's own speed just now."""
    code = (
        "import time\nt=time.perf_counter()\nx=0\nfor i in range(2000000): x+=i*i%7\nprint((time.perf_counter()-t)*1e3)"
    )
    done = subprocess.run(
        pinned([sys.executable, "-c", code], MEASURED_CORE), capture_output=True, text=True, check=True
    )
    return float(done.stdout)
