"""Ready-to-paste settings of MCP clients for one URL."""

import json
from collections.abc import Iterator

NAME = "richpanel"
CHATGPT = "Settings > Apps & Connectors > Advanced: developer mode on; then Create, with No authentication and the URL"


def settings_for(url: str) -> Iterator[tuple[str, str]]:
    """Name of the client and what to paste where."""
    yield "ChatGPT", f"{CHATGPT}\n  {url}"
    yield "Claude", f"Settings > Connectors > Add custom connector:\n  {url}"
    yield "Claude Code", f"claude mcp add --transport http {NAME} {url}"
    yield "Cursor", "~/.cursor/mcp.json\n" + _json({"mcpServers": {NAME: {"url": url}}})
    yield "VS Code", ".vscode/mcp.json\n" + _json({"servers": {NAME: {"type": "http", "url": url}}})
    yield "stdio-only clients", "through mcp-remote\n" + _json({"mcpServers": {NAME: _mcp_remote(url)}})


def is_reachable_from_outside(url: str) -> bool:
    """ChatGPT and Claude call from their clouds: they need https and a public name."""
    return url.startswith("https://")


def _mcp_remote(url: str) -> dict[str, object]:
    arguments = ["-y", "mcp-remote", url, "--transport", "http-only"]
    return {"command": "npx", "args": arguments if url.startswith("https://") else [*arguments, "--allow-http"]}


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
