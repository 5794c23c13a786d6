"""The short way through the checks of arguments comes to what the long one does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Tool

TOOLS = [tool for integration in load_catalog().integrations.values() for tool in integration.tools]
VALUES: st.SearchStrategy[Any] = (
    st.sampled_from(["", " ", "T-42", "..", "a/b", "count", "number", "é", "\x00", "\ud800", "OPEN", "2026-11-24"])
    | st.sampled_from([0, 1, 5, 50, 10**6, -1, 2**63, -(2**63) - 1, 1.5, 5.0, True, False, None, [], {}, ["id"], "5"])
    | st.text(max_size=10)
)


class _Looked(dict[str, Any]):
    """Arguments that are no plain dict, so that the long way is taken."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
@settings(max_examples=30)
@given(data=st.data())
def test_arguments_fit_at_sight_only_where_nothing_is_wrong_with_them(tool: Tool, data: st.DataObject) -> None:
    examples = [dict(example.arguments) for example in tool.examples]
    given_ones = data.draw(st.sampled_from(examples or [{}]))
    names = st.sampled_from([*tool.checker.arguments, "unknown"])
    arguments = given_ones | data.draw(st.dictionaries(names, VALUES, max_size=3))
    assert tool.checker.problems(arguments) == tool.checker.problems(_Looked(arguments))
