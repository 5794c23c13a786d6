"""The two order reads: the link from a conversation, and the order itself."""

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import conversation_not_read, order_not_found


def read_order_link(call: Call) -> Reply:
    """``GET /order/{conversationId}``: ``{orderId, appClientId}``, or ``{}`` where no order is linked."""
    conversation = call.segments["conversation_id"].text
    if conversation not in call.tenant.tickets and call.switches.order_of_unknown_conversation == "not_found":
        raise conversation_not_read()
    link = call.tenant.order_links.get(conversation)
    return Reply.from_json({"orderId": link[1], "appClientId": link[0]} if link else {})


def read_order(call: Call) -> Reply:
    """``GET /order/{appclient_id}/{order_id}``: the properties of the order event, bare."""
    order = call.tenant.orders.get((call.segments["appclient_id"].text, call.segments["order_id"].text))
    if order is None:
        raise order_not_found()
    return Reply.from_json(order)
