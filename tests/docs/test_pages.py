"""Pages say what the code does: settings, events, metrics, error codes, links."""

import inspect
import json
import os
import re
from pathlib import Path

import pytest

from mcp_gateway import exceptions
from mcp_gateway.catalog.description import IntegrationDescription, MethodDescription, ResourceDescription
from mcp_gateway.catalog.gate import estimate_tokens
from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.select import select_tools
from mcp_gateway.cli.tools_page import page
from mcp_gateway.config import Settings
from mcp_gateway.dev.connect import settings_for
from mcp_gateway.exceptions import GatewayError
from mcp_gateway.http.errors import HTTP_CODES
from mcp_gateway.telemetry.metrics import Metrics
from tests.clients.roster import CLIENTS
from tests.clients.scenario import STEPS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CLIENTS_PAGE = (ROOT / "docs" / "clients.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
EVENT = re.compile(r'(?:logger\.(?:debug|info|warning|error|exception)|log_line)\(\s*"([a-z_.]+)"')


def default_of(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "required"
    if field.default in (None, ()):
        return "none"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def test_readme_lists_every_setting_with_its_default_and_meaning():
    written = set(re.findall(r"^\| `GATEWAY_.*$", README, re.MULTILINE))
    expected = {
        f"| `GATEWAY_{name.upper()}` | {default_of(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    }
    assert written == expected


def test_every_log_event_is_documented_and_every_documented_one_exists():
    sources = (path.read_text() for path in (ROOT / "src" / "mcp_gateway").rglob("*.py"))
    logged = {event for source in sources for event in EVENT.findall(source)}
    section = OPERATIONS.partition("## Log events")[2].partition("## Metrics")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {event for row in rows for event in re.findall(r"`([a-z_.]+)`", row)} == logged


def test_every_metric_is_documented_and_every_documented_one_exists():
    known = {family.name + ("_total" if family.type == "counter" else "") for family in Metrics().registry.collect()}
    assert set(re.findall(r"`(gateway_\w+)`", OPERATIONS)) == known


def test_every_error_code_is_documented_with_its_status():
    classes = [value for _, value in inspect.getmembers(exceptions, inspect.isclass) if issubclass(value, GatewayError)]
    codes = {(one.code, one.http_status) for one in classes if one.__subclasses__() == []}
    codes |= {(code, status) for status, code in HTTP_CODES.items()}
    section = OPERATIONS.partition("## Error codes")[2].partition("## Exit")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    written = {(code, int(status.split(",")[0])) for names, status in rows for code in re.findall(r"`(\w+)`", names)}
    assert codes <= written


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_readme_and_demo_give_the_same_client_settings():
    squeezed = re.sub(r"\s", "", README)
    for client, text in settings_for("MCP_URL"):
        if client in {"Claude Code", "Cursor", "VS Code"}:
            pasted = text.partition("\n")[2] or text
            assert re.sub(r"\s", "", pasted) in squeezed, client


def test_readme_and_demo_describe_the_same_steps_for_clients_without_a_file():
    plain = README.replace("*", "").replace("`", "")
    settings = dict(settings_for("https://MCP_URL"))
    for client in ("ChatGPT", "Claude"):
        steps = settings[client].partition("\n")[0].rstrip(":")
        assert f"| {client} | {steps}" in plain
    remote = json.loads(settings["stdio-only clients"].partition("\n")[2])["mcpServers"]["richpanel"]
    assert " ".join([remote["command"], *remote["args"]]).replace("https://", "") in plain


def test_clients_page_names_every_client_that_is_driven_and_no_other():
    assert set(re.findall(r"\*\*([^*]+ \d+\.\d+\.\d+[^*]*)\*\*", CLIENTS_PAGE)) == {client.name for client in CLIENTS}


def test_clients_page_says_what_each_step_is_and_where_clients_fall_short():
    table = CLIENTS_PAGE.partition("## What clients make of a refusal")[2]
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", table.partition("`known`")[0], re.MULTILINE) == list(STEPS)
    for client in CLIENTS:
        for known in client.known.values():
            assert f"{known.why} |" in table


def test_clients_are_named_by_the_versions_that_are_pinned():
    pinned = json.loads((ROOT / "tests" / "clients" / "node" / "package.json").read_text())["dependencies"]
    locks = [ROOT / "requirements.lock", *(ROOT / "tests" / "clients" / "python").glob("*.lock")]
    locked = "\n".join(path.read_text() for path in locks)
    versions = {*pinned.values(), *re.findall(r"^(?:mcp|fastmcp)==(\S+)", locked, re.MULTILINE)}
    named = {version for client in CLIENTS for version in re.findall(r"\d+\.\d+\.\d+", client.name)}
    assert named == versions


def test_files_the_architecture_page_names_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in re.findall(r"`((?:http|services|storage|protocol|catalog|upstream|dev)/[\w/]*\w+\.py)`", text):
        assert (ROOT / "src" / "mcp_gateway" / name).exists(), name


def test_tools_page_is_the_catalogs():
    written = ROOT / "docs" / "tools.md"
    told = "\n".join(map(page, load_catalog().integrations.values()))
    if os.environ.get("UPDATE_DATA"):
        written.write_text(told)
    assert written.read_text() == told


def test_requests_a_call_makes_at_most_are_told():
    sections = (ROOT / "docs" / "tools.md").read_text().split("\n### ")[1:]
    several = {
        section.partition("\n")[0]: int(told[1])
        for section in sections
        if (told := re.search(r"At most (\d) requests to upstream\.", section))
    }
    assert several == {
        "get_richpanel_conversation_context": 4,
        **{f"create_a_richpanel_conversation_{what}": 2 for what in ("message", "order", "tag")},
        "delete_a_richpanel_conversation_tag_by_id": 2,
        "update_a_richpanel_conversation_by_id": 3,
        "list_all_richpanel_orders": 2,
    }
    assert sum("One request to upstream." in section for section in sections) == len(sections) - len(several)


def test_costs_of_lists_are_those_of_the_catalog():
    integration = load_catalog().integrations["richpanel"]
    usual = select_tools(integration.tools, tags=["support", "orders"])
    costs = [sum(estimate_tokens(tool.definition) for tool in tools) for tools in (integration.tools, usual)]
    told = f"{costs[0]:,} for all {len(integration.tools)}, and {costs[1]:,} for the {len(usual)} tagged"
    assert told in (ROOT / "docs" / "architecture.md").read_text()
    assert f"about {round(costs[0], -2):,} tokens, and of the {len(usual)} with the tags" in README
    assert costs[1] < 5000


def test_integration_page_names_every_key_of_the_shared_document_and_all_that_a_tool_needs():
    text = (ROOT / "docs" / "add-an-integration.md").read_text()
    needed = [
        name
        for description in (ResourceDescription, MethodDescription)
        for name, field in description.model_fields.items()
        if field.is_required()
    ]
    missing = [name for name in (*IntegrationDescription.model_fields, *needed) if f"`{name}`" not in text]
    assert not missing
