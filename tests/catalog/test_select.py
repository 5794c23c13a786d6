import pytest

from mcp_gateway.catalog.select import allowed_methods, allowed_tags, select_tools, unknown_methods, unknown_tags
from mcp_gateway.catalog.tool import Integration
from tests.catalog.answers import GET, LINK, LIST, ORDER, TAG, UPDATE

CONTEXT = "get_richpanel_conversation_context"
METHODS = {
    "list": [
        *[LIST, "list_all_richpanel_customer_conversations"],
        *(f"list_all_richpanel_{name}" for name in ("users", "teams", "tags", "channels")),
        LINK,
    ],
    "get": [
        *[CONTEXT, GET, "get_single_richpanel_conversation_by_number", "get_single_richpanel_customer_by_id"],
        *["get_single_richpanel_user_by_id", "get_single_richpanel_channel_by_id", ORDER],
    ],
    "create": [
        *["create_a_richpanel_conversation_message", "create_a_richpanel_conversation_order", TAG],
        *(f"create_a_richpanel_{name}" for name in ("conversation", "customer", "tag", "file", "order")),
        *["create_a_richpanel_report_query", "create_a_richpanel_subscription"],
    ],
    "update": [UPDATE],
    "delete": ["delete_a_richpanel_conversation_tag_by_id"],
}
READ = METHODS["list"] + METHODS["get"]
WRITE = METHODS["create"] + METHODS["update"] + METHODS["delete"]
TAGS = {
    "support": [
        *[CONTEXT, "create_a_richpanel_conversation_message", "create_a_richpanel_conversation_order"],
        *[TAG, "delete_a_richpanel_conversation_tag_by_id", LIST, GET, "get_single_richpanel_conversation_by_number"],
        *["list_all_richpanel_customer_conversations", "create_a_richpanel_conversation", UPDATE],
        *["list_all_richpanel_tags", "create_a_richpanel_tag", "create_a_richpanel_file"],
    ],
    "orders": [
        *[CONTEXT, "create_a_richpanel_conversation_order", LINK, ORDER],
        *["create_a_richpanel_order", "create_a_richpanel_subscription"],
    ],
    "customers": [
        *[CONTEXT, "list_all_richpanel_customer_conversations"],
        *["get_single_richpanel_customer_by_id", "create_a_richpanel_customer"],
    ],
    "directory": [
        *["list_all_richpanel_users", "get_single_richpanel_user_by_id", "list_all_richpanel_teams"],
        *["list_all_richpanel_tags", "create_a_richpanel_tag", "list_all_richpanel_channels"],
        "get_single_richpanel_channel_by_id",
    ],
    "files": ["create_a_richpanel_file"],
    "reports": ["create_a_richpanel_report_query"],
}
"""Literally, by hand: what a filter leaves is a promise to whoever made a server with it."""


@pytest.mark.parametrize(
    ("methods", "tags", "names"),
    [
        (None, None, READ + WRITE),
        (["read"], None, READ),
        (["write"], None, WRITE),
        (["read", "write"], ["support", "orders"], TAGS["support"] + TAGS["orders"]),
        *(([method], None, names) for method, names in METHODS.items()),
        *((None, [tag], names) for tag, names in TAGS.items()),
        ([UPDATE], None, [UPDATE]),
        (["list", UPDATE], None, [*METHODS["list"], UPDATE]),
        (["read"], ["orders"], [CONTEXT, LINK, ORDER]),
        (["write"], ["customers"], ["create_a_richpanel_customer"]),
        (["delete"], ["support"], METHODS["delete"]),
        (["delete"], ["orders"], []),
        (["read"], ["files", "reports"], []),
        ([UPDATE], ["orders"], []),
        ([], None, []),
        (None, [], []),
        (["nonsense"], None, []),
    ],
)
def test_tool_passes_methods_and_tags(
    richpanel: Integration, methods: list[str] | None, tags: list[str] | None, names: list[str]
) -> None:
    found = [tool.name for tool in select_tools(richpanel.tools, methods, tags)]
    assert sorted(found) == sorted(set(names))
    # Their own order, whatever the filter says first.
    assert found == [tool.name for tool in richpanel.tools if tool.name in names]


def test_every_tool_stands_in_the_tables(richpanel: Integration) -> None:
    everything = [tool.name for tool in richpanel.tools]
    assert sorted(READ + WRITE) == sorted(everything)
    assert {name for names in TAGS.values() for name in names} == set(everything)


def test_unknown_words_are_named_in_order(richpanel: Integration) -> None:
    assert unknown_methods(richpanel, ["read", "x", UPDATE, "list_all_y"]) == ("x", "list_all_y")
    assert unknown_tags(richpanel, ["orders", "z", "Support"]) == ("z", "Support")


def test_allowed_words_are_what_the_contract_lists(richpanel: Integration) -> None:
    everything = [tool.name for tool in richpanel.tools]
    assert allowed_methods(richpanel) == ("read", "write", "list", "get", "create", "update", "delete", *everything)
    assert allowed_tags(richpanel) == ("support", "orders", "customers", "directory", "files", "reports")
