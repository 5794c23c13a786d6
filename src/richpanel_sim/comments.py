"""What is said in a conversation by the API: a comment of an update or of a new conversation, or a real reply."""

import html
import re
import uuid

from richpanel_sim.exchange import Call
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time
from richpanel_sim.ticket_view import SNOOZED_TILL

_MARKUP = re.compile(r"<[^>]*>")


def add_comment(call: Call, ticket: JsonObject, given: JsonObject) -> JsonObject:
    """Append the comment an update or a creation carries; it is never e-mailed to anyone."""
    sender = given.get("sender_type", call.switches.default_sender_type)
    author = "operator" if sender == "operator" else _customer_of(ticket)
    comment = _comment(call, ticket, given["body"], author, is_operator=sender == "operator")
    comment["public"] = given.get("public", True)
    _append(ticket, comment)
    return comment


def add_reply(call: Call, ticket: JsonObject, given: JsonObject) -> JsonObject:
    """Append a reply of ``send-message`` and deliver it to the customer."""
    author = given.get("author_id", "operator")
    comment = _comment(call, ticket, given["body"], author, is_operator=True)
    comment["attachments"] = list(given.get("attachments", []))
    _append(ticket, comment)
    deliver(call, ticket, comment)
    return comment


def deliver(call: Call, ticket: JsonObject, comment: JsonObject) -> None:
    """Put into the outbox what the customer is sent on the conversation's own channel."""
    channel, sender = ticket["via"]["channel"], ticket["via"].get("source", {}).get("from", {})
    call.tenant.outbox.append(
        {
            "conversation_id": ticket["id"],
            "comment_id": comment["id"],
            "channel": channel,
            "to": sender.get("address") or sender.get("id"),
            "body": comment["body"],
            "attachments": comment["attachments"],
            "at": comment["created_at"],
        }
    )


def _append(ticket: JsonObject, comment: JsonObject) -> None:
    ticket["comments"].append(comment)
    ticket["updated_at"] = comment["created_at"]
    if comment["is_operator"] and comment["public"] and ticket["first_response_time"] is None:
        ticket["first_response_time"] = comment["created_at"]
    # "0" means: until the customer replies.
    if not comment["is_operator"] and ticket.get(SNOOZED_TILL) == "0":
        del ticket[SNOOZED_TILL]


def _comment(call: Call, ticket: JsonObject, text: str, author: str, *, is_operator: bool) -> JsonObject:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ticket['id']}#{len(ticket['comments'])}")),
        "author_id": author,
        "type": "Comment",
        "created_at": to_wire_time(call.now),
        "body": text,
        "plain_body": html.unescape(_MARKUP.sub("", text)),
        "attachments": [],
        "metadata": {},
        "via": {"channel": ticket["via"]["channel"]},
        "is_operator": is_operator,
        "public": True,
        "sender_type": "operator" if is_operator else "customer",
    }


def _customer_of(ticket: JsonObject) -> str:
    return next((c["author_id"] for c in ticket["comments"] if not c["is_operator"]), "customer")
