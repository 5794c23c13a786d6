import pytest

from mcp_gateway.catalog.select import allowed_methods, allowed_tags, select_tools, unknown_methods, unknown_tags
from mcp_gateway.catalog.tool import Integration

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
LINK = "list_all_richpanel_orders"
ORDER = "get_single_richpanel_order_by_id"
ALL = [TAG, LIST, GET, UPDATE, LINK, ORDER]


@pytest.mark.parametrize(
    ("methods", "tags", "names"),
    [
        (None, None, ALL),
        (["read"], None, [LIST, GET, LINK, ORDER]),
        (["write"], None, [TAG, UPDATE]),
        (["read", "write"], ["support", "orders"], ALL),
        (["list"], None, [LIST, LINK]),
        (["get"], None, [GET, ORDER]),
        (["create"], None, [TAG]),
        (["update"], None, [UPDATE]),
        (["delete"], None, []),
        ([UPDATE], None, [UPDATE]),
        (["list", UPDATE], None, [LIST, UPDATE, LINK]),
        (None, ["orders"], [LINK, ORDER]),
        (None, ["support"], [TAG, LIST, GET, UPDATE]),
        (["read"], ["support"], [LIST, GET]),
        (["write"], ["orders"], []),
        ([UPDATE], ["orders"], []),
        (None, ["customers"], []),
        ([], None, []),
        (None, [], []),
        (["nonsense"], None, []),
    ],
)
def test_tool_passes_methods_and_tags(
    richpanel: Integration, methods: list[str] | None, tags: list[str] | None, names: list[str]
) -> None:
    assert [tool.name for tool in select_tools(richpanel.tools, methods, tags)] == names


def test_unknown_words_are_named_in_order(richpanel: Integration) -> None:
    assert unknown_methods(richpanel, ["read", "x", UPDATE, "list_all_y"]) == ("x", "list_all_y")
    assert unknown_tags(richpanel, ["orders", "z", "Support"]) == ("z", "Support")


def test_allowed_words_are_what_the_contract_lists(richpanel: Integration) -> None:
    assert allowed_methods(richpanel) == ("read", "write", "list", "get", "create", "update", "delete", *ALL)
    assert allowed_tags(richpanel) == ("support", "orders", "customers", "directory", "files", "reports")
