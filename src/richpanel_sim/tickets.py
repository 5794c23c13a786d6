"""The conversation operations: list, read by id and by number, update, and the two tag calls."""

import html
import re
import uuid
from typing import Any

from richpanel_sim.exchange import Call, Reply, Segment
from richpanel_sim.paging import to_page
from richpanel_sim.refusals import (
    Fault,
    conversation_not_read,
    conversation_not_updated,
    forbidden,
    invalid,
    not_writable,
)
from richpanel_sim.tenants import JsonObject, to_wire_time
from richpanel_sim.validation import tags_faults, update_faults

_SORT_FIELDS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_PLAIN_FIELDS = ("status", "priority", "subject", "assignee_id")
_RAW_TROUBLE = re.compile(rb"[@<>+]")
_MARKUP = re.compile(r"<[^>]*>")


def list_tickets(call: Call) -> Reply:
    """``GET /tickets``: newest first unless told otherwise; comments are not part of a list by default."""
    if call.switches.list_forbidden:
        raise forbidden()
    wanted = call.query.get("status")
    found = [t for t in call.tenant.tickets.values() if wanted in (None, t["status"])]
    field = _SORT_FIELDS.get(call.query.get("sortKey", "createdAt"), "created_at")
    direction = call.query.get("order", call.query.get("sortOrder", "DESC"))
    # The number breaks ties, so that pages never overlap.
    found.sort(key=lambda t: (t[field], t["conversation_no"]), reverse=direction.upper() != "ASC")
    page = to_page(call, "ticket", found)
    if "ticket" in page:
        page["ticket"] = [_listed(call, ticket) for ticket in page["ticket"]]
    return Reply.from_json(page)


def read_ticket(call: Call) -> Reply:
    """``GET /tickets/{id}``: the conversation with its whole thread."""
    return _shown(call, call.tenant.tickets.get(call.segments["id"].text))


def read_ticket_by_number(call: Call) -> Reply:
    """``GET /tickets/number/{n}``: the same, found by the number people see."""
    return _shown(call, call.tenant.ticket_by_number(call.segments["number"].text))


def refuse_write_by_number(_call: Call) -> Reply:
    """``PUT /tickets/number/{n}`` does not exist."""
    raise not_writable()


def update_ticket(call: Call) -> Reply:
    """``PUT /tickets/{id}``: sets what is known under ``ticket``, appends a comment, ignores every other key.

    A comment added here is never e-mailed to anyone. ``state`` is one of the keys that do nothing.
    """
    _refuse_if(update_faults(call.body), call)
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket, given = _ticket_to_update(call), call.body["ticket"]
    before = (len(ticket["comments"]), {**ticket})
    ticket.update({name: given[name] for name in _PLAIN_FIELDS if name in given})
    if "customer_profile" in given:
        ticket["customer_profile"] = {**ticket["customer_profile"], **given["customer_profile"]}
    if "tags" in given:
        kept = ticket["tags"] if call.switches.put_tags == "merge" else []
        ticket["tags"] = list(dict.fromkeys([*kept, *given["tags"]]))
    if "comment" in given:
        ticket["comments"].append(_comment(call, ticket, given["comment"]))
    if before != (len(ticket["comments"]), ticket):
        ticket["updated_at"] = to_wire_time(call.now)
    return Reply.from_json({"ticket": _rendered(call, ticket)})


def add_tags(call: Call) -> Reply:
    """``PUT /tickets/{id}/add-tags``: ids are what the docs mean, free names are taken too; both stick as sent."""
    return _retag(call, lambda old, sent: [*old, *sent], "Tags added successfully.")


def remove_tags(call: Call) -> Reply:
    """``PUT /tickets/{id}/remove-tags``: tags that are not there are no error."""
    return _retag(call, lambda old, sent: [tag for tag in old if tag not in sent], "Tags removed successfully.")


def _retag(call: Call, combine: Any, message: str) -> Reply:
    _refuse_if(tags_faults(call.body), call)
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket = _ticket_to_update(call)
    tags = list(dict.fromkeys(combine(ticket["tags"], call.body["tags"])))
    if tags != ticket["tags"]:
        ticket.update(tags=tags, updated_at=to_wire_time(call.now))
    return Reply.from_json({"message": message})


def _refuse_if(faults: list[Fault], call: Call) -> None:
    if faults:
        raise invalid(faults, call.switches.validation_key)


def _is_silently_lost(call: Call) -> bool:
    segment: Segment = call.segments["id"]
    return call.switches.unencoded_id_silent_noop and _RAW_TROUBLE.search(segment.raw) is not None


def _ticket_to_update(call: Call) -> JsonObject:
    ticket = call.tenant.tickets.get(call.segments["id"].text)
    if ticket is None:
        raise conversation_not_updated()
    return ticket


def _shown(call: Call, ticket: JsonObject | None) -> Reply:
    if ticket is None:
        raise conversation_not_read()
    return Reply.from_json({"ticket": _rendered(call, ticket)})


def _rendered(call: Call, ticket: JsonObject) -> JsonObject:
    spelling = {"is_operator": call.switches.operator_key}
    comments = [{spelling.get(name, name): value for name, value in c.items()} for c in ticket["comments"]]
    return {**ticket, "comments": comments}


def _listed(call: Call, ticket: JsonObject) -> JsonObject:
    match call.switches.list_comments:
        case "full":
            return _rendered(call, ticket)
        case "absent":
            return {name: value for name, value in ticket.items() if name != "comments"}
        case _:
            return {**ticket, "comments": []}


def _comment(call: Call, ticket: JsonObject, given: JsonObject) -> JsonObject:
    # Without sender_type the comment is accepted, and isOperator is documented to default to true.
    sender = given.get("sender_type", "operator")
    customer = next((c["author_id"] for c in ticket["comments"] if not c["is_operator"]), "customer")
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ticket['id']}#{len(ticket['comments'])}")),
        "author_id": "operator" if sender == "operator" else customer,
        "type": "Comment",
        "created_at": to_wire_time(call.now),
        "body": given["body"],
        "plain_body": html.unescape(_MARKUP.sub("", given["body"])),
        "attachments": [],
        "metadata": {},
        "via": {"channel": ticket["via"]["channel"]},
        "is_operator": sender == "operator",
        "public": given.get("public", True),
        "sender_type": sender,
    }
