"""Customers: create or update one, find one by e-mail or phone."""

import uuid

from richpanel_sim.contacts import is_contact
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import Fault, conflict, not_found, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.validation import Check, failing, is_text, member

_TEXTS = ("uid", "appClientId", "email", "name", "facebook", "twitter", "state", "city", "country", "phone")
_CHECKS: dict[str, Check] = dict.fromkeys(_TEXTS, is_text)


def save_customer(call: Call) -> Reply:
    """``POST /customers``: updates who has the uid (or, without one, the e-mail or phone), else makes a customer.

    An e-mail that somebody else has is refused, so that an upsert is not fully one.
    """
    given = member(call.body, "customer")
    refuse_if(_faults(given))
    known = _known(call, given)
    holder = call.tenant.customer_with("email", given.get("email", ""))
    if holder is not None and (known is None or holder["id"] != known["id"]):
        raise conflict("A customer with this email already exists.", call.switches.customer_conflict)
    if known is None:
        known = _new(call, given)
    known.update({name: value for name, value in given.items() if name != "id"})
    return Reply.from_json(_saved(call, known))


def read_customer(call: Call) -> Reply:
    """``GET /customers/{type}/{id}``: who has an e-mail address or phone number, with figures over the orders."""
    kind, value = call.segments["type"].text, call.segments["id"].text
    ident = next((card.id for card in call.tenant.customers.cards() if is_contact(call, card, kind, value)), None)
    customer = call.tenant.customers.look(ident) if ident else None
    if customer is None:
        if call.switches.customer_not_found == "empty":
            return Reply.from_json({})
        raise not_found("customer")
    shown = {**customer, **_figures(call, customer)}
    match call.switches.customer_envelope:
        case "customers":
            return Reply.from_json({"customers": [shown]})
        case "bare":
            return Reply.from_json(shown)
        case "node":
            return Reply.from_json(_node(call, shown))
        case _:
            return Reply.from_json({"customer": shown})


def ensure_customer(call: Call, profile: JsonObject) -> None:
    """Make a customer of whoever wrote in or ordered (uid, email, phone, firstName, lastName) and is not one yet."""
    facts = {name: profile[name] for name in ("uid", "email", "phone") if profile.get(name)}
    if not facts or any(call.tenant.customer_with(name, value) for name, value in facts.items()):
        return
    name = " ".join(str(profile[part]) for part in ("firstName", "lastName") if profile.get(part))
    _new(call, facts).update({**facts, **({"name": name} if name else {})})


def _faults(given: object) -> list[Fault]:
    if not isinstance(given, dict) or not given:
        return [Fault("customer", given)]
    faults = failing(given, _CHECKS, "customer")
    return faults if any(given.get(name) for name in ("uid", "email", "phone")) else [*faults, Fault("customer.uid")]


def _known(call: Call, given: JsonObject) -> JsonObject | None:
    """Who is meant: by uid, else by e-mail or phone those who never had a uid of a shop's."""
    found = [call.tenant.customer_with(name, given.get(name, "")) for name in ("uid", "email", "phone")]
    by_uid, *by_contact = found
    if by_uid is not None:
        return by_uid
    candidates = [customer for customer in by_contact if customer is not None]
    if given.get("uid"):
        candidates = [customer for customer in candidates if customer["uid"] == customer["id"]]
    return next(iter(candidates), None)


def _new(call: Call, given: JsonObject) -> JsonObject:
    mark = f"sim:{call.tenant.organization_id}:customer:{len(call.tenant.customers)}:{given.get('uid')}"
    ident = str(uuid.uuid5(uuid.NAMESPACE_URL, mark))
    call.tenant.customers[ident] = {"id": ident, "uid": given.get("uid", ident)}
    return call.tenant.customers[ident]


def _saved(call: Call, customer: JsonObject) -> JsonObject:
    if call.switches.customer_shape == "node":
        return _node(call, customer)
    return {"message": "Customer saved successfully.", "customer": {"id": customer["id"], "uid": customer["uid"]}}


def _node(call: Call, customer: JsonObject) -> JsonObject:
    """The graph node a client saw."""
    tenant = call.tenant.organization_id
    first = str(customer.get("name", "")).split(" ")[0]
    place = next(index for index, ident in enumerate(call.tenant.customers) if ident == customer["id"])
    return {
        "identity": place + 1,
        "labels": ["Person", tenant],
        "properties": {**customer, "firstName": first, "tenantId": tenant},
    }


def _figures(call: Call, customer: JsonObject) -> JsonObject:
    """What Richpanel's MCP server tells of a customer's orders; whether the REST API does too is not known."""
    email = customer.get("email") or ""
    orders = sorted(
        (card for card in call.tenant.orders.cards() if email and card.email == email), key=lambda card: card.created_at
    )
    if not orders:
        return {"ltv": 0, "aov": 0, "orderIds": [], "appClientIdList": []}
    total, last = round(sum(card.amount for card in orders), 2), call.tenant.orders.look(orders[-1].key) or {}
    return {
        "ltv": total,
        "aov": round(total / len(orders), 2),
        "orderIds": [card.key[1] for card in orders],
        "appClientIdList": sorted({card.key[0] for card in orders}),
        "lastOrderNumber": last.get("orderName", last["orderId"]),
        "lastOrderAmount": last["amount"],
        "lastOrderStatusUrl": last.get("statusUrl"),
    }
