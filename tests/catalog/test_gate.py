import copy
from dataclasses import replace
from typing import Any

import pytest

from mcp_gateway.catalog.description import Policy
from mcp_gateway.catalog.gate import MAX_DESCRIPTION, MAX_LIST_TOKENS, check, check_definition, estimate_tokens
from mcp_gateway.catalog.tool import Catalog, Integration

BROKEN = {
    "the name must match",
    "must have an object at its root",
    "is not JSON Schema 2020-12",
    "must not have x-mcp-header",
    "must require nothing",
    "must admit",
}
"""What the policy `tolerant` does not forgive either."""


@pytest.mark.requirement("tools.name", "tools.input-schema", "tools.dialect", "mirrored.secrets")
def test_own_catalog_passes_and_is_cheap(catalog: Catalog) -> None:
    findings = check(catalog)
    assert [finding for finding in findings if finding.level == "error"] == []
    costs = {finding.subject: finding.tokens for finding in findings}
    total = costs.pop("richpanel")
    assert set(costs) == {tool.name for tool in catalog.integrations["richpanel"].tools}
    assert total is not None
    assert total == sum(tokens or 0 for tokens in costs.values())
    assert total < MAX_LIST_TOKENS == 7000


def test_estimate_counts_characters_not_bytes() -> None:
    assert estimate_tokens({"a": "x" * 12}) == 5
    assert estimate_tokens({"a": "é" * 12}) == 5


@pytest.mark.requirement("tools.name", "tools.input-schema", "tools.dialect", "tools.output-object", "mirrored.secrets")
@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["name"], "x" * 65, "the name must match"),
        (["name"], "a.b", "the name must match"),
        (["description"], "", "the description must have"),
        (["description"], "x" * (MAX_DESCRIPTION + 1), "the description must have"),
        (["annotations", "openWorldHint"], None, "missing: openWorldHint"),
        (["annotations", "title"], "", "missing: title"),
        (["inputSchema"], None, "inputSchema must have an object at its root"),
        (["inputSchema", "type"], "array", "inputSchema must have an object at its root"),
        (["inputSchema", "oneOf"], [{}], "must not have oneOf at its root"),
        (["inputSchema", "allOf"], [{}], "must not have allOf at its root"),
        (["inputSchema", "anyOf"], [{}], "must not have anyOf at its root"),
        (["inputSchema", "not"], {}, "must not have not at its root"),
        (["inputSchema", "enum"], [{}], "must not have enum at its root"),
        (["inputSchema", "required"], "id", "is not JSON Schema 2020-12"),
        (["inputSchema", "additionalProperties"], True, "additionalProperties false"),
        (["inputSchema", "properties", "a b"], {"type": "string"}, "the property name 'a b'"),
        (["inputSchema", "properties", "n", "properties"], {"x" * 65: {}}, "the property name"),
        (["inputSchema", "properties", "n", "x-mcp-header"], "X", "must not have x-mcp-header"),
        (["inputSchema", "properties", "n", "type"], "array", "an array must say its items"),
        (["outputSchema"], None, "outputSchema must have an object at its root"),
        (["outputSchema", "anyOf"], [{}], "outputSchema must not have anyOf"),
        (["outputSchema", "required"], ["result"], "must require nothing"),
        (["outputSchema", "additionalProperties"], False, "must require nothing"),
        (["outputSchema", "properties"], {"result": {}}, "must admit error, next_cursor, result"),
    ],
)
def test_each_rule_is_enforced(richpanel: Integration, place: list[str], value: Any, words: str) -> None:
    definition = copy.deepcopy(dict(richpanel.tools[0].definition))
    definition["inputSchema"]["properties"]["n"] = {"type": "object"}
    assert check_definition(definition) == []
    target = definition
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    assert any(words in finding.message for finding in check_definition(definition))
    levels = {finding.level for finding in check_definition(definition, "tolerant") if words in finding.message}
    assert levels == ({"error"} if any(broken in words for broken in BROKEN) else {"warning"})


def test_tolerant_integration_is_warned_of_its_cost_and_not_stopped(richpanel: Integration) -> None:
    tools = tuple(replace(richpanel.tools[0], name=f"t{number}") for number in range(40))
    levels: dict[Policy, str] = {"strict": "error", "tolerant": "warning"}
    for policy, level in levels.items():
        integration = replace(richpanel, tools=tools, policy=policy)
        findings = check(Catalog({"richpanel": integration}))
        [first, *others] = findings
        assert (first.level, first.subject) == (level, "richpanel")
        assert str(MAX_LIST_TOKENS) in first.message
        assert {finding.level for finding in others} == {"cost"}


def test_own_catalog_is_judged_strictly(richpanel: Integration) -> None:
    assert richpanel.policy == "strict"
