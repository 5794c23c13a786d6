"""Reading conversations: lists, one by its id or number, and those of one customer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from richpanel_sim.contacts import is_contact
from richpanel_sim.exchange import Call, Reply
from richpanel_sim.paging import to_page, to_whole
from richpanel_sim.refusals import Fault, conversation_not_read, forbidden, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import TicketCard, to_wire_time
from richpanel_sim.ticket_view import to_listed, to_shown
from richpanel_sim.validation import unknown_faults

_SORT_FIELDS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_LIST_PARAMETERS = {
    *("page", "per_page", "status", "sortKey", "order", "sortOrder", "startDate", "endDate", "updated_at"),
}
_DAY = timedelta(days=1)
_DATE_LENGTH = len("2026-01-31")

Wanted = Callable[[TicketCard], bool]


def list_tickets(call: Call) -> Reply:
    """``GET /tickets``: newest first unless told otherwise; comments are not part of a list by default."""
    if call.switches.list_forbidden:
        raise forbidden()
    strangers = unknown_faults(dict(call.query), _LIST_PARAMETERS, call.switches)
    refuse_if([fault._replace(location="query") for fault in strangers])
    key = _SORT_FIELDS.get(call.query.get("sortKey", "createdAt"), "created_at")
    wanted = [_of_status(call), *_between(call, key), *_updated(call)]
    found = [card for card in call.tenant.cards(call.now) if all(is_wanted(card) for is_wanted in wanted)]
    _sort(found, key, is_descending=_direction(call) != "ASC")
    return Reply.from_json(to_page(call, call.switches.ticket_key, found, lambda card: _listed(call, card)))


def read_ticket(call: Call) -> Reply:
    """``GET /tickets/{id}``: the conversation with its whole thread."""
    return _shown(call, call.segments["id"].text)


def read_ticket_by_number(call: Call) -> Reply:
    """``GET /tickets/number/{n}``: the same, found by the number people see."""
    number = call.segments["number"].text
    card = next((card for card in call.tenant.tickets.cards() if str(card.number) == number), None)
    if card and call.switches.number_unavailable_for_imported and card.number <= call.tenant.imported_up_to:
        card = None
    return _shown(call, card.id if card else "")


def list_tickets_of_customer(call: Call) -> Reply:
    """``GET /tickets/{type}/{id}``: the conversations of who has an e-mail address or phone number, newest first."""
    kind, value = call.segments["type"].text, call.segments["id"].text
    found = [card for card in call.tenant.cards(call.now) if is_contact(call, card, kind, value)]
    _sort(found, "created_at", is_descending=True)
    match call.switches.by_customer_envelope:
        case "array":
            return Reply.from_json([_listed(call, card) for card in found])
        case "ticket":
            return _shown(call, found[0].id if found else "")
        case _ if call.switches.by_customer_paging:
            return Reply.from_json(to_page(call, call.switches.ticket_key, found, lambda card: _listed(call, card)))
        case _:
            shown = [_listed(call, card) for card in found]
            return Reply.from_json(to_whole(call, call.switches.ticket_key, shown))


def _listed(call: Call, card: TicketCard) -> JsonObject:
    return to_listed(call, call.tenant.tickets.look(card.id) or {})


def _shown(call: Call, ident: str) -> Reply:
    ticket = call.tenant.tickets.look(ident) if call.tenant.has_ticket(ident, call.now) else None
    if ticket is None:
        raise conversation_not_read(call.switches.ticket_not_found_status)
    return Reply.from_json({"ticket": to_shown(call, ticket)})


def _sort(cards: list[TicketCard], key: str, *, is_descending: bool) -> None:
    # The number breaks ties, so that pages never overlap.
    cards.sort(key=lambda card: (getattr(card, key), card.number), reverse=is_descending)


def _direction(call: Call) -> str:
    counted = {"both": ("order", "sortOrder"), "order": ("order",), "sortOrder": ("sortOrder",)}
    names = counted[call.switches.order_parameter]
    return next((call.query[name] for name in names if name in call.query), call.switches.default_order).upper()


def _of_status(call: Call) -> Wanted:
    wanted = call.query.get("status")
    return lambda card: wanted in (None, call.switches.snoozed_status if card.is_snoozed else card.status)


def _between(call: Call, sort_key: str) -> list[Wanted]:
    """The bounds of ``startDate`` and ``endDate``; which time they bound, and how, is for the switches to say."""
    on = sort_key if call.switches.start_date_on == "sort_key" else call.switches.start_date_on
    start, end = _moment(call, "startDate"), _moment(call, "endDate")
    wanted: list[Wanted] = []
    if start is not None:
        wanted.append(lambda card: getattr(card, on) >= to_wire_time(start))
    if end is not None and call.switches.end_date == "exclusive":
        wanted.append(lambda card: getattr(card, on) < to_wire_time(end))
    if end is not None and call.switches.end_date == "inclusive":
        last = end + _DAY if _is_date(call.query["endDate"]) else end + timedelta(milliseconds=1)
        wanted.append(lambda card: getattr(card, on) < to_wire_time(last))
    return wanted


def _updated(call: Call) -> list[Wanted]:
    since = _moment(call, "updated_at")
    if since is None:
        return []
    if call.switches.updated_at_filter == "since":
        return [lambda card: card.updated_at >= to_wire_time(since)]
    day = to_wire_time(since)[:_DATE_LENGTH]
    return [lambda card: card.updated_at.startswith(day)]


def _moment(call: Call, name: str) -> datetime | None:
    """An ISO date or instant of the query, UTC where it does not say."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refuse_if([Fault(name, text, "query")])
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_date(text: str) -> bool:
    return len(text) == _DATE_LENGTH
