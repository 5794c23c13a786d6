"""The demo: provisions an MCP server with curl's own words and plays two workflows through it."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from mcp_gateway.dev.admin import Provisioned, Provisioner, Request
from mcp_gateway.dev.connect import is_reachable_from_outside, settings_for
from mcp_gateway.dev.environment import RICHPANEL, DevOptions
from mcp_gateway.dev.mcp_client import MCPClient, ToolAnswer
from mcp_gateway.dev.tree import DevTree
from mcp_gateway.dev.workflows import Agent, escalate_alarming, track_parcel
from mcp_gateway.exceptions import CallerError

ANSWER_LENGTH = 110
ARGUMENT_LENGTH = 200
PIPE_WIDTH = 160
TELLING = ("orderId", "appClientId", "subject", "priority", "tags", "status", "fulfillmentStatus")
"""Fields a person would look at first, in this order."""
LOCAL_ONLY = (
    "This URL works on this machine. ChatGPT and Claude call from the internet: for them, put the gateway behind https "
    "and set GATEWAY_PUBLIC_URL."
)


class Stage:
    """What the audience sees, on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)

    def act(self, title: str) -> None:
        """A new part begins."""
        self._console.print()
        self._console.rule(Text(title, style="bold cyan"), align="left", style="cyan")

    def say(self, text: str, style: str = "") -> None:
        """A line of text, never wrapped or read as markup."""
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def admin_call(self, request: Request, answer: Mapping[str, Any]) -> None:
        """A request to the admin API as curl, and what came back, secrets left out."""
        self.say(request.to_curl(), style="green")
        shown = {name: "(shown once)" if name in {"token", "url"} else value for name, value in answer.items()}
        self.say("  " + shortened(shown, ANSWER_LENGTH), style="dim")

    def tool_call(self, name: str, arguments: Mapping[str, Any], answer: ToolAnswer) -> None:
        """Method, tool, arguments, time; then the answer in short."""
        line = Text("tools/call ", style="dim")
        line.append(name, style="bold magenta")
        line.append(f" {shortened(arguments, ARGUMENT_LENGTH)}", style="yellow")
        line.append(f"  {answer.milliseconds:.0f} ms", style="cyan")
        self._console.print(line, soft_wrap=True)
        style = "red" if answer.is_error else "green"
        self.say("  " + ("✗ " if answer.is_error else "✓ ") + summary(answer), style=style)

    def clients(self, url: str) -> None:
        """The URL, and where to paste it."""
        self.act("Use it")
        self.say(f"MCP URL  {url}", style="bold")
        if not is_reachable_from_outside(url):
            self.say(LOCAL_ONLY, style="yellow")
        for client, text in settings_for(url):
            self.say(f"\n{client}", style="bold")
            self.say(text)


def play_and_wait(options: DevOptions, progress: Callable[[str], None], *, once: bool) -> None:
    """Start everything, play, and stay up until Ctrl-C, or end with `once`.

    Raises:
        GatewayError: something did not start or a step failed.
    """
    if RICHPANEL in os.environ:
        raise CallerError(f"the demo writes notes and tags, so it plays with the simulator only: unset {RICHPANEL}")
    stage = Stage()
    with DevTree(options, progress) as tree:
        provisioned = provision(tree, stage)
        play(provisioned, stage)
        stage.clients(provisioned.url)
        if once:
            return
        stage.say("\nThe gateway stays up until Ctrl-C.", style="bold")
        tree.watch()


def provision(tree: DevTree, stage: Stage) -> Provisioned:
    """From nothing to an MCP URL."""
    stage.act("One curl gives an MCP URL (three before it make a tenant, its API token and its Richpanel account)")
    stage.say(f"GATEWAY_URL={tree.url}", style="green")
    variables = {"GATEWAY_API_KEY": tree.operator_key, "RICHPANEL_API_KEY": tree.richpanel_key or ""}
    return Provisioner(tree.url, variables, stage.admin_call).provision()


def play(provisioned: Provisioned, stage: Stage) -> None:
    """Connect as an MCP client and work through both workflows."""
    with MCPClient(provisioned.url) as client:
        stage.act("An MCP client connects")
        versions = ", ".join(client.discover().get("supportedVersions", []))
        stage.say(f"server/discover  revisions: {versions}")
        tools = client.list_tools()
        stage.say(f"tools/list  {len(tools)} tools: {', '.join(tool['name'] for tool in tools)}")
        agent = Agent(client, stage.tool_call)
        stage.act("Workflow 1: where is the parcel? Leave the answer as an internal note")
        found = track_parcel(agent)
        stage.say(f"The note is in {found}, internal, read back.", style="bold green")
        stage.act("Workflow 2: of the 10 newest open conversations, escalate those that sound alarming")
        escalated = escalate_alarming(agent)
        stage.say(f"{len(escalated)} escalated, tag and priority read back: {', '.join(escalated)}", style="bold green")


def summary(answer: ToolAnswer) -> str:
    """An answer in one short line: how many, or the fields a person would look at first."""
    if answer.is_error:
        return f"{answer.error.get('type')}: {answer.error.get('message')}"
    result = answer.result
    if isinstance(result, list):
        first = shortened(_telling(result[0]), ANSWER_LENGTH) if result else ""
        return f"{len(result)} found" + (f", first {first}" if first else "")
    return shortened(_telling(result), ANSWER_LENGTH)


def shortened(value: Any, length: int) -> str:
    """A value as JSON, cut to a length."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


def _telling(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    told = {name: value[name] for name in TELLING if value.get(name)}
    for fulfillment in value.get("fulfillment") or ():
        told |= {"parcel": fulfillment.get("status"), **(fulfillment.get("tracking") or [{}])[0]}
    return told or value
