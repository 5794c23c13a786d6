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
OLDEST = "2024-11-05"

SSE_IS_SERVED = False
"""Whether the gateway has `GET /mcp/{token}/sse`, so that the clients of HTTP+SSE take part."""


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
    """The protocol revision that requests over Streamable HTTP must name, else it was not the era that was meant."""
    command: Callable[[], Command]
    """Installs on first use; raises ToolchainError where that fails."""
    is_sse: bool = False
    """Over the transport of 2024-11-05, which has a URL of its own."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """By step, where the client falls short. A step that is listed here and passes is a failure too."""


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


_SESSION_ENDED = Known(TOLD_DEAD, 'makes "Session terminated" of every 404, whatever the body says')
_NO_PINNED_VERSION = Known(
    TOLD_DEAD, "reports any failure of server/discover but a 401 as a version that is not offered"
)
_LISTS_BY_ITSELF = Known(TOLD_TOOLS, "lists before each call and refuses an unknown name itself, so we are not asked")
_WANTS_OAUTH = Known(TOLD_CREDENTIAL, "answers a 401 with an attempt to register for OAuth and reports how that failed")

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
    Client("mcp-remote 0.15.1", LEGACY, in_mcp_remote("http-only"), known={"401": _WANTS_OAUTH}),
    Client(
        "mcp-remote 0.15.1, auto",
        MODERN,
        in_mcp_remote("http-only", "--protocol", "auto"),
        known={"401": _WANTS_OAUTH},
    ),
)

_SSE = (
    Client("Python mcp 1.30.0, SSE", OLDEST, in_python("mcp-1.lock", "sdk1", "sse"), is_sse=True),
    Client("TypeScript sdk 1.32.2, SSE", OLDEST, in_node("sdk1.mjs", "sse"), is_sse=True),
    Client("mcp-remote 0.15.1, SSE", OLDEST, in_mcp_remote("sse-only"), is_sse=True, known={"401": _WANTS_OAUTH}),
)

CLIENTS = _HTTP + _SSE
"""All of them; those that take part are `served()`."""


def served() -> tuple[Client, ...]:
    """The clients whose transport the gateway has."""
    return CLIENTS if SSE_IS_SERVED else _HTTP
