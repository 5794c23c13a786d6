"""How a conversation is shown: whole, in a list, and as the answer to a write."""

import re
from typing import Any

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.shelves import JsonObject
from richpanel_sim.switches import ReplyForm

SNOOZED_TILL = "snoozed_till"
_PROFILE_KEYS = ("uid", "name", "city", "state", "country")
_DROPPED = re.compile(r"[:\s]")


def to_shown(call: Call, ticket: JsonObject) -> JsonObject:
    """The conversation with its thread."""
    spelling = {"is_operator": call.switches.operator_key}
    limit = call.switches.comment_limit
    comments = [
        {spelling.get(name, name): value for name, value in comment.items()}
        for comment in ticket["comments"][-limit if limit else 0 :]
    ]
    if call.switches.comment_order == "newest_first":
        comments.reverse()
    return {**_head(call, ticket), "comments": comments}


def to_listed(call: Call, ticket: JsonObject) -> JsonObject:
    """The conversation as lists show it: by default without its thread."""
    match call.switches.list_comments:
        case "full":
            return to_shown(call, ticket)
        case "absent":
            return {name: value for name, value in _head(call, ticket).items() if name != "comments"}
        case _:
            return {**_head(call, ticket), "comments": []}


def to_reply(call: Call, form: ReplyForm, ticket: JsonObject, message: str) -> Reply:
    """The answer to a write on ``ticket``, in one of the forms nobody knows which is the true one."""
    match form:
        case "ticket":
            return Reply.from_json({"ticket": to_shown(call, ticket)})
        case "message":
            return Reply.from_json({"message": message})
        case "empty_object":
            return Reply.from_json({})
        case _:
            return Reply(200)


def to_shown_tags(call: Call, tags: list[str]) -> list[str]:
    """``tags`` as conversations show them: as they stick, or those of the directory as their ids."""
    if call.switches.tag_form == "names":
        return list(tags)
    ids = {tag["name"]: tag["id"] for tag in call.tenant.tags}
    return [ids.get(tag, tag) for tag in tags]


def to_sticking_tags(call: Call, tags: list[str]) -> list[str]:
    """``tags`` as they stick, each once."""
    if call.switches.tag_names == "normalised":
        tags = [_DROPPED.sub("", tag.lower()) for tag in tags]
    return list(dict.fromkeys(tags))


def _head(call: Call, ticket: JsonObject) -> JsonObject:
    changed: dict[str, Any] = {"tags": to_shown_tags(call, ticket["tags"])}
    if call.switches.custom_fields_form == "array":
        changed["customFields"] = [{"id": name, "value": value} for name, value in ticket["customFields"].items()]
    if ticket.get(SNOOZED_TILL) and ticket["status"] == "OPEN":
        changed["status"] = call.switches.snoozed_status
    if call.query.get("show_visitor_profile", "").lower() == "true":
        changed["customer_profile"] = _visitor(call, ticket["customer_profile"])
    return {**ticket, **changed}


def _visitor(call: Call, profile: JsonObject) -> JsonObject:
    """The profile with what is known of the customer beside it; that it is fuller is an inference."""
    email = profile.get("email")
    ident = next((card.id for card in call.tenant.customers.cards() if email and card.email == email), None)
    customer = (call.tenant.customers.look(ident) if ident else None) or {}
    return {**{name: customer[name] for name in _PROFILE_KEYS if name in customer}, **profile}
