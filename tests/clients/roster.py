"""Which clients are driven, how each is started, and what is known of it that we cannot change."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.gateways import LEGACY, MODERN
from tests.toolchain.making import ROOT
from tests.toolchain.node import node, packages
from tests.toolchain.pythons import python_with

HERE = Path(__file__).parent
NODE = HERE / "node"
REMOTE = "node_modules/mcp-remote/dist/proxy.js"
HTTP_SSE = "2024-11-05"
"""The revision whose transport has a URL of its own: an event stream, and messages posted beside it."""

TOLD_DEAD = "is told that the URL is dead"
TOLD_CREDENTIAL = "is told that a credential is missing"
TOLD_TOOLS = "is told which tools there are"
"""What a client's user or model gets to read after a refusal: the checks that a client alone can fail."""


@dataclass(frozen=True)
class Command:
    """How to start a driver."""

    arguments: tuple[str, ...]
    directory: Path


@dataclass(frozen=True)
class Known:
    """Something the client does with any server, so that no answer of ours could mend it."""

    check: str
    """The one check it fails; all others must hold."""
    why: str


@dataclass(frozen=True)
class Client:
    """One row of the table."""

    name: str
    revision: str
    """What its requests must name, else it was not the era that was meant; HTTP_SSE for clients of that transport."""
    command: Callable[[], Command]
    """Installs on first use; raises ToolchainError where that fails."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """By step, where the client falls short. A step that is listed here and passes is a failure too."""

    @property
    def url_suffix(self) -> str:
        """What comes after the server's URL."""
        return "/sse" if self.revision == HTTP_SSE else ""


def in_our_venv(module: str, *arguments: str) -> Callable[[], Command]:
    """A Python driver whose library is in `.venv`."""
    return lambda: Command((sys.executable, "-m", f"tests.clients.python.{module}", *arguments), ROOT)


def in_python(lock: str, module: str, *arguments: str) -> Callable[[], Command]:
    """A Python driver whose library has an environment of its own."""

    def command() -> Command:
        python = python_with(HERE / "python" / lock)
        return Command((str(python), "-m", f"tests.clients.python.{module}", *arguments), ROOT)

    return command


def in_node(script: str, *arguments: str) -> Callable[[], Command]:
    """A JavaScript driver."""

    def command() -> Command:
        found = node()
        directory = packages(NODE, found)
        # Beside the packages, since a module finds packages only above the place it lies in.
        for path in NODE.glob("*.mjs"):
            (directory / path.name).write_text(path.read_text())
        return Command((str(found.executable), script, *arguments), directory)

    return command


def in_mcp_remote(transport: str, *arguments: str) -> Callable[[], Command]:
    """mcp-remote as a stdio-only host starts it; the host is the TypeScript SDK 1.x."""
    return in_node("sdk1.mjs", "stdio", REMOTE, "--transport", transport, "--allow-http", *arguments)


_SESSION_ENDED = Known(TOLD_DEAD, "says `Session terminated` for every 404 and drops the body")
_NO_PINNED_VERSION = Known(TOLD_DEAD, "takes a 404 for a server too old for the pinned version")
_LISTS_BY_ITSELF = Known(TOLD_TOOLS, "lists before each call and refuses an unknown name itself")
_STREAM_ENDED = Known(TOLD_DEAD, "only hears that its event stream ended")

_HTTP = (
    Client("Python mcp 2.3.0, modern", MODERN, in_our_venv("sdk2", MODERN)),
    Client("Python mcp 2.3.0, legacy", LEGACY, in_our_venv("sdk2", "legacy")),
    Client(
        "Python mcp 1.30.0",
        LEGACY,
        in_python("mcp-1.lock", "sdk1", "http"),
        known={"dead": _SESSION_ENDED, "revoked": _SESSION_ENDED},
    ),
    Client("fastmcp 4.2.3", MODERN, in_python("fastmcp.lock", "fast")),
    Client("TypeScript sdk 1.32.2", LEGACY, in_node("sdk1.mjs", "http")),
    Client(
        "TypeScript client 2.4.0, pinned",
        MODERN,
        in_node("client2.mjs", MODERN),
        known={"dead": _NO_PINNED_VERSION},
    ),
    Client("TypeScript client 2.4.0, auto", MODERN, in_node("client2.mjs", "auto")),
    Client("TypeScript client 2.4.0, legacy", LEGACY, in_node("client2.mjs", "legacy")),
    Client(
        "MCP Inspector 2.12.0, modern",
        MODERN,
        in_node("inspector.mjs", "modern"),
        known={"stale": _LISTS_BY_ITSELF, "dead": _NO_PINNED_VERSION, "revoked": _NO_PINNED_VERSION},
    ),
    Client("MCP Inspector 2.12.0, auto", MODERN, in_node("inspector.mjs", "auto"), known={"stale": _LISTS_BY_ITSELF}),
    Client(
        "MCP Inspector 2.12.0, legacy", LEGACY, in_node("inspector.mjs", "legacy"), known={"stale": _LISTS_BY_ITSELF}
    ),
    Client("mcp-remote 0.15.1", LEGACY, in_mcp_remote("http-only")),
    Client(
        "mcp-remote 0.15.1, auto",
        MODERN,
        in_mcp_remote("http-only", "--protocol", "auto"),
    ),
)

_SSE = (
    Client(
        "Python mcp 1.30.0, SSE",
        HTTP_SSE,
        in_python("mcp-1.lock", "sdk1", "sse"),
        known={"revoked": _STREAM_ENDED},
    ),
    Client("TypeScript sdk 1.32.2, SSE", HTTP_SSE, in_node("sdk1.mjs", "sse")),
    Client("mcp-remote 0.15.1, SSE", HTTP_SSE, in_mcp_remote("sse-only")),
)

CLIENTS = _HTTP + _SSE
