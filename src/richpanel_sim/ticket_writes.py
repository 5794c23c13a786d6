"""Writing to a conversation: update, tags, an order's link, a real reply."""

import re
from typing import Any

from richpanel_sim.comments import add_comment, add_reply, deliver
from richpanel_sim.exchange import Call, Reply, Segment
from richpanel_sim.refusals import Fault, conversation_not_updated, not_found, not_writable, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time
from richpanel_sim.ticket_view import SNOOZED_TILL, to_reply, to_shown_tags, to_sticking_tags
from richpanel_sim.validation import PUT_SWITCHES, honoured_fields, message_faults, tags_faults, update_faults

_RAW_TROUBLE = re.compile(rb"[@<>+]")
_PLAIN_FIELDS = ("status", "assignee_id", *PUT_SWITCHES)


def refuse_write_by_number(_call: Call) -> Reply:
    """``PUT /tickets/number/{n}`` does not exist."""
    raise not_writable()


def update_ticket(call: Call) -> Reply:
    """``PUT /tickets/{id}``: sets what is known under ``ticket``, appends a comment, ignores every other key.

    A comment added here is never e-mailed to anyone. ``state`` is one of the keys that do nothing.
    """
    refuse_if(update_faults(call.body, call.switches))
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket, given = _ticket_to_update(call), call.body["ticket"]
    before = {**ticket}
    _set_fields(call, ticket, given)
    if ticket != before:
        ticket["updated_at"] = to_wire_time(call.now)
    if "comment" in given:
        _comment_on(call, ticket, given["comment"])
    return to_reply(call, call.switches.update_reply, ticket, "Conversation updated successfully.")


def add_tags(call: Call) -> Reply:
    """``PUT /tickets/{id}/add-tags``: ids are what the docs mean, free names are taken too; both stick as sent."""
    return _retag(call, lambda old, sent: [*old, *sent], "Tags added successfully.")


def remove_tags(call: Call) -> Reply:
    """``PUT /tickets/{id}/remove-tags``: by name or by id; tags that are not there are no error."""
    return _retag(call, lambda old, sent: _without(call, old, sent), "Tags removed successfully.")


def attach_order(call: Call) -> Reply:
    """``PUT /tickets/{id}/attach-order/{appClientId}/{orderId}``: one conversation has one link, the last."""
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket = _ticket_to_update(call)
    key = (call.segments["appclient_id"].text, call.segments["order_id"].text)
    if key not in call.tenant.orders:
        raise not_found("order")
    call.tenant.order_links[ticket["id"]] = key
    ticket["updated_at"] = to_wire_time(call.now)
    return Reply.from_json({"message": "Order attached successfully."})


def send_message(call: Call) -> Reply:
    """``PUT /tickets/{id}/send-message``: a real reply, delivered on the conversation's channel; leaves it open."""
    refuse_if(message_faults(call.body, call.switches))
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket = _ticket_to_update(call)
    refuse_if(_attachment_faults(call))
    add_reply(call, ticket, call.body)
    return to_reply(call, call.switches.send_message_reply, ticket, "Message sent successfully.")


def _set_fields(call: Call, ticket: JsonObject, given: JsonObject) -> None:
    known = honoured_fields(call.switches)
    ticket.update({name: given[name] for name in _PLAIN_FIELDS if name in given and name in known})
    if not ticket.get(SNOOZED_TILL):
        ticket.pop(SNOOZED_TILL, None)
    if "customer_profile" in given:
        ticket["customer_profile"] = {**ticket["customer_profile"], **given["customer_profile"]}
    if "tags" in given:
        kept = ticket["tags"] if call.switches.put_tags == "merge" else []
        ticket["tags"] = to_sticking_tags(call, [*kept, *given["tags"]])


def _comment_on(call: Call, ticket: JsonObject, given: JsonObject) -> None:
    comment = add_comment(call, ticket, given)
    is_to_customer = comment["is_operator"] and comment["public"] and "email" not in ticket["via"]["channel"]
    if is_to_customer and call.switches.put_comment_delivered:
        deliver(call, ticket, comment)


def _retag(call: Call, combine: Any, message: str) -> Reply:
    refuse_if(tags_faults(call.body, call.switches))
    if _is_silently_lost(call):
        return Reply.from_json({})
    ticket = _ticket_to_update(call)
    tags = list(dict.fromkeys(combine(ticket["tags"], to_sticking_tags(call, call.body["tags"]))))
    if tags != ticket["tags"]:
        ticket.update(tags=tags, updated_at=to_wire_time(call.now))
    return to_reply(call, call.switches.tags_reply, ticket, message)


def _without(call: Call, old: list[str], sent: list[str]) -> list[str]:
    """``old`` without ``sent``, where a tag's name and the id it is shown as are the same tag."""
    leaving = {*sent, *to_shown_tags(call, sent)}
    return [tag for tag, shown in zip(old, to_shown_tags(call, old), strict=True) if not {tag, shown} & leaving]


def _attachment_faults(call: Call) -> list[Fault]:
    form, sent = call.switches.attachment_form, call.body.get("attachments", [])
    if form == "any":
        return []
    known = {file[form] for file in call.tenant.files.values()}
    return [Fault(f"attachments[{index}]", value) for index, value in enumerate(sent) if value not in known]


def _is_silently_lost(call: Call) -> bool:
    segment: Segment = call.segments["id"]
    return call.switches.unencoded_id_silent_noop and _RAW_TROUBLE.search(segment.raw) is not None


def _ticket_to_update(call: Call) -> JsonObject:
    ident = call.segments["id"].text
    if not call.tenant.has_ticket(ident, call.now):
        raise conversation_not_updated(call.switches.ticket_not_found_status)
    return call.tenant.tickets[ident]
