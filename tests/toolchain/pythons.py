"""Python environments from lock files with hashes, apart from `.venv`, for releases that cannot share one."""

from pathlib import Path

from tests.toolchain.making import ROOT, ToolchainError, made, run

BIN = ROOT / ".venv" / "bin"
UV = BIN / "uv"
HASHED = ("--quiet", "--require-hashes")


def uv() -> Path:
    """The installer that `make setup` brings.

    Raises:
        ToolchainError: there was no `make setup` yet.
    """
    if not UV.exists():
        raise ToolchainError("there is no .venv: run `make setup` first")
    return UV


def python_with(lock: Path) -> Path:
    """The interpreter of an environment with exactly what `lock` names.

    Raises:
        ToolchainError: it cannot be installed.
    """
    program = uv()

    def make(directory: Path) -> None:
        run(
            f"a Python environment for {lock.name}", [program, "venv", "--quiet", "--python", BIN / "python", directory]
        )
        python = directory / "bin" / "python"
        run(f"the packages of {lock.name}", [program, "pip", "sync", *HASHED, "--python", python, lock])

    # The configuration of `.venv` names the Python beneath, and an environment does not outlive its Python.
    return made(f"python-{lock.stem}", [lock, BIN.parent / "pyvenv.cfg"], make) / "bin" / "python"
