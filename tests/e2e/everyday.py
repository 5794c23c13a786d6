"""One sensible call of every tool, with ids that the simulator's shop has."""

from collections.abc import Iterator
from typing import Any

from richpanel_sim.state import SimulatorState

Call = tuple[str, dict[str, Any]]
ITEM = {"id": "p-101", "name": "Stoneware mug", "price": 18.0, "quantity": 1}


def calls(simulator: SimulatorState) -> Iterator[Call]:
    """Reads first and then writes, so that a walk through all of them ends in another state than it began."""
    [tenant] = simulator.tenants.values()
    ident, (store, order_id) = next(iter(tenant.order_links.items()))
    ticket = tenant.tickets[ident]
    email = ticket["customer_profile"]["email"]
    number = str(ticket["conversation_no"])
    user = tenant.users[0]["id"]
    yield from _reads(ident, number, email, store, order_id, user, tenant.channels[0]["id"])
    yield from _writes(ident, number, email, store, order_id, user)


def _reads(ident: str, number: str, email: str, store: str, order_id: str, user: str, channel: str) -> Iterator[Call]:
    yield "list_all_richpanel_conversations", {"limit": 3, "status": "OPEN", "sort_by": "updatedAt"}
    yield "get_single_richpanel_conversation_by_id", {"id": ident}
    yield "get_single_richpanel_conversation_by_number", {"conversation_no": number}
    yield "list_all_richpanel_customer_conversations", {"type": "email", "value": email}
    yield "get_richpanel_conversation_context", {"id": number}
    yield "list_all_richpanel_orders", {"conversation_id": ident}
    yield "get_single_richpanel_order_by_id", {"appclient_id": store, "id": order_id}
    yield "get_single_richpanel_customer_by_id", {"type": "email", "value": email}
    yield "list_all_richpanel_users", {"limit": 2}
    yield "get_single_richpanel_user_by_id", {"id": user}
    yield "list_all_richpanel_teams", {}
    yield "list_all_richpanel_tags", {"fields": ["name"]}
    yield "list_all_richpanel_channels", {}
    yield "get_single_richpanel_channel_by_id", {"id": channel}
    report = {"start_date": "2026-01-01", "end_date": "2026-12-31", "metrics": ["closed_conversations"]}
    yield "create_a_richpanel_report_query", {**report, "dimensions": "agent"}


def _writes(ident: str, number: str, email: str, store: str, order_id: str, user: str) -> Iterator[Call]:
    yield "create_a_richpanel_conversation", {"from": email, "to": "help@fernhollow.example", "body": "New question"}
    changes = {"priority": "HIGH", "assignee_id": user, "comment_body": "Looked into it.", "verify": True}
    yield "update_a_richpanel_conversation_by_id", {"id": number, **changes}
    yield "create_a_richpanel_conversation_tag", {"conversation_id": ident, "tags": ["vip"]}
    yield "delete_a_richpanel_conversation_tag_by_id", {"conversation_id": number, "tags": ["vip"]}
    yield (
        "create_a_richpanel_conversation_order",
        {
            "conversation_id": ident,
            "appclient_id": store,
            "order_id": order_id,
        },
    )
    yield "create_a_richpanel_conversation_message", {"conversation_id": ident, "body": "On its way."}
    yield "create_a_richpanel_customer", {"uid": "c-9001", "name": "New Person", "email": "new.person@shopper.example"}
    order: dict[str, Any] = {"appclient_id": store, "order_id": "9001", "customer_uid": "c-9001", "amount": 18.0}
    order["items"] = [ITEM]
    yield "create_a_richpanel_order", {**order, "customer": {"email": "new.person@shopper.example"}}
    yield "create_a_richpanel_subscription", {**order, "order_id": "s-9001", "status": "active"}
    yield "create_a_richpanel_tag", {"name": "made-up"}
    yield "create_a_richpanel_file", {"name": "note.txt", "content": "SGVsbG8="}
