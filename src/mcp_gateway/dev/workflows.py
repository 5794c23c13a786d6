"""The two support workflows, as an agent would play them: only through tools, and checked by reading back."""

import html
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mcp_gateway.dev.mcp_client import ToolAnswer
from mcp_gateway.exceptions import FaultError

LIST = "list_all_richpanel_conversations"
READ = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
ORDERS = "list_all_richpanel_orders"
ORDER = "get_single_richpanel_order_by_id"
TAG = "create_a_richpanel_conversation_tag"

ALARMING = re.compile(r"\b(cancel\w*|lawyer\w*|unacceptable)\b", re.IGNORECASE)
PARCEL = re.compile(r"\b(where|parcel|package|tracking|deliver\w*|shipp\w*|arriv\w*)\b", re.IGNORECASE)
ASKS_WHERE = re.compile(r"\bwhere\b|\btrack", re.IGNORECASE)
ARRIVED = {"delivered", "cancelled", "canceled", "returned", "refunded"}
ESCALATED = "escalated"

TRIAGED = 10
MAX_CANDIDATES = 8
MAX_PAUSE_SECONDS = 60
MAX_PAUSES = 3

JSON = dict[str, Any]


class WorkflowError(FaultError):
    """A step failed, or its effect cannot be seen."""


class Tools(Protocol):
    """What a workflow needs of an MCP client."""

    def call_tool(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Call a tool."""


class Agent:
    """Calls tools and tells about each call; waits when the answer says to, as any caller of the gateway has to.

    Args:
        tools: the MCP client.
        tell: called with name, arguments and answer of each call.
        wait: sleeps for that many seconds.
    """

    def __init__(
        self,
        tools: Tools,
        tell: Callable[[str, Mapping[str, Any], ToolAnswer], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tools = tools
        self._tell = tell
        self._wait = wait

    def use(self, name: str, **arguments: Any) -> Any:
        """The result of a tool.

        Raises:
            WorkflowError: the tool failed.
        """
        answer = self._told(name, arguments)
        for _ in range(MAX_PAUSES):
            if answer.error.get("type") != "rate_limited":
                break
            self._wait(min(answer.error.get("retry_after_seconds") or 1, MAX_PAUSE_SECONDS))
            answer = self._told(name, arguments)
        if answer.is_error:
            raise WorkflowError(f"{name} failed: {answer.error.get('message') or answer.error.get('type')}")
        return answer.result

    def _told(self, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        answer = self._tools.call_tool(name, arguments)
        self._tell(name, arguments, answer)
        return answer


def track_parcel(agent: Agent) -> str:
    """Workflow 1: who asks where a parcel is, what does the carrier say, leave it as a note; the conversation's id.

    Raises:
        WorkflowError: nobody asks, or the note cannot be read back.
    """
    conversation, order = _find_parcel_question(agent)
    note = note_about(order)
    agent.use(UPDATE, id=conversation["id"], comment_body=note)
    comments = agent.use(READ, id=conversation["id"]).get("comments") or []
    # Upstream may store the text as HTML; what counts is that a comment with it is there and that it is internal.
    written = [comment for comment in comments if note in _plain(comment)]
    if not written:
        raise WorkflowError("the note is not in the conversation")
    if written[-1].get("public") is not False:
        raise WorkflowError("the note is not internal")
    return str(conversation["id"])


def escalate_alarming(agent: Agent) -> list[str]:
    """Workflow 2: tag those of the newest open conversations that sound alarming, and raise their priority; their ids.

    Raises:
        WorkflowError: there is none, or tag or priority cannot be read back.
    """
    newest = agent.use(LIST, status="OPEN", limit=TRIAGED)[:TRIAGED]
    alarming = [
        ticket
        for ticket in (agent.use(READ, id=entry["id"]) for entry in newest)
        if ALARMING.search(customer_words(ticket))
    ]
    if not alarming:
        raise WorkflowError("none of the newest open conversations says cancel, lawyer or unacceptable")
    for ticket in alarming:
        agent.use(TAG, conversation_id=ticket["id"], tags=[ESCALATED])
        agent.use(UPDATE, id=ticket["id"], priority="HIGH")
    for ticket in alarming:
        after = agent.use(READ, id=ticket["id"])
        if ESCALATED not in (after.get("tags") or []) or after.get("priority") != "HIGH":
            raise WorkflowError(f"conversation {ticket['id']} was not escalated")
    return [str(ticket["id"]) for ticket in alarming]


def customer_words(ticket: Mapping[str, Any]) -> str:
    """Subject and what the customer wrote, without markup; our own replies may say "cancel" for other reasons."""
    comments = ticket.get("comments") or []
    said = [_plain(comment) for comment in comments if not comment.get("is_operator")]
    return "\n".join([str(ticket.get("subject") or ""), *said])


def note_about(order: Mapping[str, Any]) -> str:
    """The tracking state of an order in one or two sentences.

    Raises:
        WorkflowError: the order has no tracking number.
    """
    for fulfillment in order.get("fulfillment") or []:
        for tracking in fulfillment.get("tracking") or []:
            if number := tracking.get("trackingNumber"):
                carrier = tracking.get("trackingCompany") or "the carrier"
                state = str(fulfillment.get("status") or "shipped").replace("_", " ")
                link = f" {tracking['trackingUrl']}" if tracking.get("trackingUrl") else ""
                return f"Order {order.get('orderId', '')}: {state} with {carrier}, tracking number {number}.{link}"
    raise WorkflowError(f"order {order.get('orderId', '')} has no tracking number")


def _find_parcel_question(agent: Agent) -> tuple[JSON, JSON]:
    """Among the open e-mail conversations the first that asks where a parcel is and is linked to one on its way."""
    listed = agent.use(LIST, status="OPEN", limit=50)
    by_email = [ticket for ticket in listed if (ticket.get("via") or {}).get("channel") == "email"]
    by_email.sort(key=lambda ticket: not PARCEL.search(str(ticket.get("subject") or "")))
    for entry in by_email[:MAX_CANDIDATES]:
        ticket = agent.use(READ, id=entry["id"])
        words = customer_words(ticket)
        if not (ASKS_WHERE.search(words) and PARCEL.search(words)):
            continue
        for link in agent.use(ORDERS, conversation_id=ticket["id"]):
            order = agent.use(ORDER, appclient_id=link["appClientId"], id=link["orderId"])
            if _is_on_its_way(order):
                return ticket, order
    raise WorkflowError("no open e-mail asks where a parcel is that is on its way")


def _is_on_its_way(order: Mapping[str, Any]) -> bool:
    return any(
        tracking.get("trackingNumber") and str(fulfillment.get("status") or "").lower() not in ARRIVED
        for fulfillment in order.get("fulfillment") or []
        for tracking in fulfillment.get("tracking") or []
    )


def _plain(comment: Mapping[str, Any]) -> str:
    text = comment.get("plain_body") or comment.get("body") or ""
    return html.unescape(re.sub(r"<[^>]*>", " ", str(text)))
