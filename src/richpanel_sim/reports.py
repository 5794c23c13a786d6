"""``POST /reports/query``: support metrics over a span of days; a read in spite of its verb.

Counts are counted from the conversations; everything else is made up, the same for the same question. Filters are
taken and change nothing.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.refusals import Fault, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import TicketCard
from richpanel_sim.validation import Check, failing, is_text, is_text_list

_DAY = len("2026-01-31")
_HOUR_MS = 3_600_000
_WORST, _BEST = 3.0, 5.0
_UNASSIGNED = "unassigned"


def query_reports(call: Call) -> Reply:
    """``data.aggregations.totals`` for the whole account, ``data.breakdowns`` for each agent when asked for."""
    query = call.body if isinstance(call.body, dict) else {}
    refuse_if(failing(query, _CHECKS, "", required=("startDate", "endDate", "metrics")))
    refuse_if([Fault("endDate", query["endDate"])] if query["endDate"] < query["startDate"] else [])
    cards = call.tenant.cards(call.now)
    totals = _measured(call, query, cards, "all")
    breakdowns = _per_agent(call, query, cards) if query.get("dimensions") == "agent" else []
    return Reply.from_json({"data": {"aggregations": {"totals": totals}, "breakdowns": breakdowns}})


def _per_agent(call: Call, query: JsonObject, cards: Sequence[TicketCard]) -> list[JsonObject]:
    return [
        {
            "dimensions": [{"name": "agent", "value": user["name"]}],
            "metrics": _measured(call, query, [card for card in cards if card.assignee_id == user["id"]], user["id"]),
        }
        for user in call.tenant.users
    ]


def _measured(call: Call, query: JsonObject, cards: Sequence[TicketCard], whose: str) -> list[JsonObject]:
    first, last = query["startDate"], query["endDate"]
    found = []
    for name in query["metrics"]:
        count = _COUNTS.get(name)
        mark = f"{call.tenant.organization_id}:{first}:{last}:{whose}:{name}"
        value = sum(count(card, first, last) for card in cards) if count else _made_up(name, mark)
        found.append({"name": name, "value": value})
    return found


def _made_up(name: str, mark: str) -> float:
    """Milliseconds for times, a share or a mark out of five for satisfaction."""
    dice = random.Random(mark)  # noqa: S311 - repeatable, and nothing secret hangs on it
    if "time" in name:
        return dice.randrange(_HOUR_MS // 6, 9 * _HOUR_MS)
    if name == "csat_score":
        return round(dice.uniform(_WORST, _BEST), 1)
    return dice.randrange(100)


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == _DAY and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_filter_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and is_text(item.get("field")) for item in value)


_CHECKS: Mapping[str, Check] = {
    "startDate": _is_date,
    "endDate": _is_date,
    "metrics": lambda value: is_text_list(value) and bool(value),
    "dimensions": is_text,
    "filters": _is_filter_list,
    "timezone": is_text,
}
_COUNTS: Mapping[str, Callable[[TicketCard, str, str], bool]] = {
    "new_conversations": lambda card, first, last: first <= card.created_at[:_DAY] <= last,
    "closed_conversations": lambda card, first, last: (
        card.status == "CLOSED" and first <= card.updated_at[:_DAY] <= last
    ),
    "backlog": lambda card, _first, last: card.status == "OPEN" and card.created_at[:_DAY] <= last,
    "unattended_new_conversations": lambda card, first, last: (
        card.status == "OPEN" and card.assignee_id == _UNASSIGNED and first <= card.created_at[:_DAY] <= last
    ),
    "awaiting_agent_reply": lambda card, _first, last: card.status == "OPEN" and card.updated_at[:_DAY] <= last,
}
