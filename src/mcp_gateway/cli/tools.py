"""`mcp-gateway tools` and `mcp-gateway catalog check`: the catalog of this very version, without a gateway."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from mcp_gateway.catalog.gate import check as check_gate
from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.select import allowed_methods, allowed_tags, select_tools, unknown_methods, unknown_tags
from mcp_gateway.catalog.tool import Catalog, Integration, Tool
from mcp_gateway.cli.options import AsJson, Methods, Tags, names
from mcp_gateway.cli.output import note, print_json, print_table
from mcp_gateway.cli.tools_page import page
from mcp_gateway.exceptions import ConfigurationError, InvalidInputError, Problem

COLUMNS = {"name": "NAME", "method": "METHOD", "tags": "TAGS", "arguments": "ARGUMENTS (* required)"}
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="All tools as a page, whatever the filter.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Errors only, no token costs.")]

catalog_app = typer.Typer(no_args_is_help=True, help="The catalog: Richpanel's methods, described as data.")


def tools(methods: Methods = None, tags: Tags = None, as_json: AsJson = False, as_markdown: AsMarkdown = False) -> None:
    """List the tools an MCP server with that filter would have. --json prints them as MCP clients get them."""
    catalog = load_catalog()
    if as_markdown:
        sys.stdout.write("\n".join(page(integration) for integration in catalog.integrations.values()))
        return
    chosen = _chosen(catalog, names(methods), names(tags))
    if as_json:
        print_json([dict(tool.definition) for tool in chosen])
        return
    print_table([_row(tool) for tool in chosen], COLUMNS)


@catalog_app.command("check")
def check(quiet: Quiet = False) -> None:
    """Check that every client in use accepts the tools as they go out; status 1 when one would not."""
    catalog = load_catalog()
    findings = check_gate(catalog)
    errors = [finding for finding in findings if finding.level == "error"]
    for finding in errors if quiet else findings:
        note(f"{finding.level}: {finding.subject}: {finding.message}")
    if errors:
        raise ConfigurationError(f"the catalog has {len(errors)} error{'s' if len(errors) > 1 else ''}")


def _chosen(catalog: Catalog, methods: Sequence[str] | None, tags: Sequence[str] | None) -> list[Tool]:
    """The tools of all integrations that pass; a word no filter may hold is refused and told what may stand there."""
    chosen: list[Tool] = []
    for integration in catalog.integrations.values():
        problems = _unknown_words(integration, methods or (), tags or ())
        if problems:
            raise InvalidInputError("the filter names what does not exist", problems)
        chosen += select_tools(integration.tools, methods, tags)
    return chosen


def _unknown_words(integration: Integration, methods: Sequence[str], tags: Sequence[str]) -> list[Problem]:
    return [
        *(_problem("--methods", word, allowed_methods(integration)) for word in unknown_methods(integration, methods)),
        *(_problem("--tags", word, allowed_tags(integration)) for word in unknown_tags(integration, tags)),
    ]


def _problem(option: str, word: str, allowed: Sequence[str]) -> Problem:
    return Problem(option, f"{word!r} is not known; allowed: {', '.join(allowed)}", "unknown", allowed)


def _row(tool: Tool) -> dict[str, object]:
    properties = tool.input_schema.get("properties", {})
    required = set(tool.input_schema.get("required", ()))
    arguments = ", ".join(f"{name}*" if name in required else name for name in properties)
    return {"name": tool.name, "method": tool.method, "tags": list(tool.tags), "arguments": arguments}
