"""Directories under `.tools/` that are made once and never again while what they are made from stays the same."""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"
STAMP = ".made-from"
INSTALL_SECONDS = 300
REASON_LENGTH = 400


class ToolchainError(Exception):
    """Something cannot be installed; the message is one line."""


def made(name: str, inputs: Sequence[Path], make: Callable[[Path], None], *, under: Path = TOOLS) -> Path:
    """The directory `name` under `.tools/`, filled by `make` unless it was made from `inputs` as they are now.

    Raises:
        ToolchainError: `make` could not; what it left is not taken for complete the next time.
    """
    directory = under / name
    stamp = directory / STAMP
    wanted = _digest(inputs)
    with _one_at_a_time(under):
        if not (stamp.is_file() and stamp.read_text() == wanted):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            make(directory)
            stamp.write_text(wanted)
    return directory


def run(what: str, command: Sequence[object], *, cwd: Path = ROOT) -> str:
    """Run an installer; its standard output.

    Raises:
        ToolchainError: it failed; the message is `what` and the end of what it said.
    """
    try:
        finished = subprocess.run(  # noqa: S603 - our own commands
            [str(part) for part in command],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ToolchainError(f"{what}: {exc}") from exc
    if finished.returncode:
        raise ToolchainError(f"{what}: {' '.join(finished.stderr.split())[-REASON_LENGTH:]}")
    return finished.stdout


def _digest(inputs: Sequence[Path]) -> str:
    """Changes with the contents of the inputs and not with their names."""
    total = hashlib.sha256()
    for path in inputs:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@contextlib.contextmanager
def _one_at_a_time(under: Path) -> Iterator[None]:
    """Two makes in one checkout may want the same directory."""
    under.mkdir(exist_ok=True)
    with (under / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
