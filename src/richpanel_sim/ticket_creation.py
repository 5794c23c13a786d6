"""``POST /tickets``: a conversation with its first message."""

import uuid
from datetime import timedelta

from richpanel_sim.comments import add_comment
from richpanel_sim.customers import ensure_customer
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import gateway_timeout, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time
from richpanel_sim.ticket_view import to_shown, to_sticking_tags
from richpanel_sim.validation import create_faults, is_filled


def create_ticket(call: Call) -> Reply:
    """Make the conversation; answers 200, not 201. A known id overwrites."""
    refuse_if(create_faults(call.body, call.switches))
    given = call.body["ticket"]
    number = 1 + max((card.number for card in call.tenant.tickets.cards()), default=0)
    ident = _ident(call, given.get("id"), number)
    ticket = _ticket(call, given, ident, number)
    add_comment(call, ticket, given["comment"])
    call.tenant.tickets[ident] = ticket
    if call.switches.create_visible_after_seconds:
        delay = timedelta(seconds=call.switches.create_visible_after_seconds)
        call.tenant.hidden_until[ident] = call.now + delay
    if call.switches.gateway_timeout_after_create:
        raise gateway_timeout()
    if call.switches.create_reply == "minimal":
        return Reply.from_json({"ticket": {"id": ident, "conversation_no": ticket["conversation_no"]}})
    return Reply.from_json({"ticket": to_shown(call, ticket)})


def _ident(call: Call, given: str | None, number: int) -> str:
    """``api-<app client>-<uuid>``; of an id that was sent "we change it so that it stays unique" (the docs)."""
    if given is not None and call.switches.given_id == "kept":
        return given
    is_given = given is not None and call.switches.given_id == "changed"
    seed = f"given:{given}" if is_given else f"made:{number}:{call.now.isoformat()}"
    app_client = call.tenant.app_client_id
    return f"api-{app_client}-{uuid.uuid5(uuid.NAMESPACE_URL, f'sim:{app_client}:{seed}')}"


def _ticket(call: Call, given: JsonObject, ident: str, number: int) -> JsonObject:
    now = to_wire_time(call.now)
    via = {"channel": "email", **given["via"]}
    recipient = via["source"].get("to") or {}
    replaced = call.tenant.tickets.look(ident)
    return {
        "id": ident,
        "conversation_no": replaced["conversation_no"] if replaced else number,
        "organization_id": call.tenant.organization_id,
        "app_client_id": call.tenant.app_client_id,
        "status": given.get("status", "OPEN"),
        "priority": given.get("priority", "LOW"),
        "subject": given.get("subject", ""),
        "assignee_id": given.get("assignee_id", "unassigned"),
        "recipient": recipient.get("address") or recipient.get("id"),
        "created_at": now,
        "updated_at": now,
        "first_response_time": None,
        "tags": to_sticking_tags(call, given.get("tags", [])),
        "customFields": {},
        "satisfaction_rating": None,
        "customer_profile": _profile(call, given.get("customer_profile", {}), via["source"]["from"]),
        "via": via,
        "comments": [],
        "url": f"https://app.richpanel.com/conversations?viewConversation={uuid.uuid5(uuid.NAMESPACE_URL, ident)}",
        "cookieId": None,
        "scenario_id": None,
        "scenario_name": None,
        "scenarioId": None,
        "scenarioName": None,
    }


def _profile(call: Call, given: JsonObject, sender: JsonObject) -> JsonObject:
    """The customer's profile: what was sent, and what the sender's address says; who is new becomes a customer."""
    address = next((sender[name] for name in ("address", "id") if is_filled(sender.get(name))), "")
    contact = {"email": address} if "@" in address else {"phone": address} if address.startswith("+") else {}
    profile = {**contact, **given}
    ensure_customer(call, profile)
    return profile
