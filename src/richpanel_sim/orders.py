"""Orders and subscriptions: the link from a conversation, one order, and what a shop pushes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from richpanel_sim.customers import ensure_customer
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import Fault, conversation_not_read, not_found, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.validation import Check, failing, is_filled, is_number, is_object, member

_UNLINKED = {"orderId": None, "appClientId": None}


class Push(NamedTuple):
    """What a shop pushes: the array's key, the event's name, and the key under which the customer stands.

    The docs spell the latter differently for orders and for subscriptions.
    """

    wrapper: str
    event: str
    person: str


_ORDERS = Push("orders", "order", "userProperties")
_SUBSCRIPTIONS = Push("subscriptions", "subscription", "user_properties")


def _is_key(value: Any) -> bool:
    return is_filled(value) or is_number(value)


_PROPERTIES: Mapping[str, Check] = {
    "orderId": is_filled,
    "orderDbKey": _is_key,
    "amount": is_number,
    "items": lambda value: isinstance(value, list),
}
_ITEM: Mapping[str, Check] = {"id": is_filled, "name": is_filled, "price": is_number, "quantity": is_number}


def read_order_link(call: Call) -> Reply:
    """``GET /order/{conversationId}``: ``{orderId, appClientId}``, or ``{}`` where no order is linked."""
    conversation = call.segments["conversation_id"].text
    is_known = call.tenant.has_ticket(conversation, call.now)
    if not is_known and call.switches.order_of_unknown_conversation == "not_found":
        raise conversation_not_read(call.switches.ticket_not_found_status)
    link = call.tenant.order_links.get(conversation)
    if link:
        return Reply.from_json({"orderId": link[1], "appClientId": link[0]})
    if is_known and call.switches.order_unlinked == "not_found":
        raise not_found("order")
    return Reply.from_json(_UNLINKED if is_known and call.switches.order_unlinked == "nulls" else {})


def read_order(call: Call) -> Reply:
    """``GET /order/{appclient_id}/{order_id}``: the properties of the order event, bare."""
    order = call.tenant.orders.look((call.segments["appclient_id"].text, call.segments["order_id"].text))
    if order is not None:
        return Reply.from_json({"order": order} if call.switches.order_body == "wrapped" else order)
    if call.switches.order_not_found == "empty":
        return Reply.from_json({})
    raise not_found("order", int(call.switches.order_not_found))


def save_orders(call: Call) -> Reply:
    """``POST /order/{appclient_id}``: makes or updates a batch of orders, all of it or nothing."""
    for person, properties in _pushed(call, _ORDERS):
        ensure_customer(call, person)
        key = (call.segments["appclient_id"].text, properties["orderId"])
        call.tenant.orders[key] = {**(call.tenant.orders.look(key) or {}), **properties}
    text = "Orders accepted."
    return Reply.from_json(text if call.switches.order_reply == "text" else {"message": text})


def save_subscriptions(call: Call) -> Reply:
    """``POST /subscription/{appclient_id}``: makes or updates a batch; there is no way to read one."""
    for person, properties in _pushed(call, _SUBSCRIPTIONS):
        ensure_customer(call, person)
        key = (call.segments["appclient_id"].text, properties["orderId"])
        call.tenant.subscriptions[key] = {**call.tenant.subscriptions.get(key, {}), **properties}
    return Reply.from_json({"message": "Subscriptions accepted."})


def _pushed(call: Call, push: Push) -> list[tuple[JsonObject, JsonObject]]:
    """Customer and properties of each pushed item."""
    store, items = call.segments["appclient_id"].text, member(call.body, push.wrapper)
    refuse_if([] if store == call.tenant.app_client_id else [Fault("appclient_id", store, "params")])
    refuse_if([] if isinstance(items, list) and items else [Fault(push.wrapper, items)])
    refuse_if([fault for place, item in enumerate(items) for fault in _item_faults(call, item, push, place)])
    return [_opened(item, push) if _is_event(call, item) else (item, dict(item)) for item in items]


def _opened(event: JsonObject, push: Push) -> tuple[JsonObject, JsonObject]:
    # The e-mail may stand in the event's frame alone.
    person = event[push.person]
    email = {"email": person["email"]} if person.get("email") else {}
    return person, {**email, **event["properties"]}


def _is_event(call: Call, item: JsonObject) -> bool:
    form = call.switches.order_item_form
    return "properties" in item if form == "either" else form == "event"


def _item_faults(call: Call, item: Any, push: Push, place: int) -> list[Fault]:
    where = f"{push.wrapper}[{place}]"
    if not isinstance(item, dict):
        return [Fault(where, item)]
    if not _is_event(call, item):
        return _property_faults(item, where)
    frame = _frame(push)
    return [
        *failing(item, frame, where, required=frame),
        *_property_faults(item.get("properties"), f"{where}.properties"),
    ]


def _property_faults(properties: Any, where: str) -> list[Fault]:
    if not isinstance(properties, dict):
        return [Fault(where)]
    faults = failing(properties, _PROPERTIES, where, required=_PROPERTIES)
    lines = properties.get("items")
    for place, line in enumerate(lines if isinstance(lines, list) else []):
        here = f"{where}.items[{place}]"
        faults += failing(line, _ITEM, here, required=_ITEM) if is_object(line) else [Fault(here, line)]
    return faults


def _frame(push: Push) -> Mapping[str, Check]:
    """The checks around the properties: the event's name, whose it is, when it was sent, and of which store."""
    return {
        "event": lambda value: value == push.event,
        push.person: lambda value: is_object(value) and is_filled(value.get("uid")),
        "time": lambda value: is_object(value) and _is_key(value.get("sentAt")),
        "appClientId": is_filled,
    }
