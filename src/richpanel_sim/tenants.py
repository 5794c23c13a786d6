"""What one Richpanel account holds, in the shapes it shows on the wire."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from richpanel_sim.shelves import JsonObject, Shelf

OrderKey = tuple[str, str]


def to_wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``, as every ticket field has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TicketCard(NamedTuple):
    """What lists, look-ups and reports need to know of a conversation."""

    id: str
    number: int
    status: str
    created_at: str
    updated_at: str
    assignee_id: str
    email: str
    phone: str
    is_snoozed: bool = False


class OrderCard(NamedTuple):
    """What a customer's figures need to know of an order; ``created_at`` in epoch milliseconds."""

    key: OrderKey
    email: str
    amount: float
    created_at: int


class CustomerCard(NamedTuple):
    """What look-ups need to know of a customer."""

    id: str
    uid: str
    email: str
    phone: str


def ticket_card(ident: str, ticket: JsonObject) -> TicketCard:
    """The card of a conversation."""
    profile, is_open = ticket["customer_profile"], ticket["status"] == "OPEN"
    return TicketCard(
        ident,
        ticket["conversation_no"],
        ticket["status"],
        ticket["created_at"],
        ticket["updated_at"],
        ticket["assignee_id"],
        str(profile.get("email") or ""),
        str(profile.get("phone") or ""),
        is_open and bool(ticket.get("snoozed_till")),
    )


def order_card(key: OrderKey, order: JsonObject) -> OrderCard:
    """The card of an order, whose properties are as the shop sent them."""
    created = order.get("createdAt")
    return OrderCard(key, str(order.get("email") or ""), order["amount"], created if isinstance(created, int) else 0)


def customer_card(ident: str, customer: JsonObject) -> CustomerCard:
    """The card of a customer."""
    return CustomerCard(ident, *(str(customer.get(name) or "") for name in ("uid", "email", "phone")))


@dataclass(slots=True)
class Tenant:
    """One account: its conversations by id, its orders by (app client, order id), its customers, and its directory.

    Objects are kept as they are shown, because the simulator's only business with them is showing them.
    ``hidden_until`` holds new conversations that reads do not find yet; conversations up to number ``imported_up_to``
    came from another help desk. ``outbox`` (what was delivered to customers), ``subscriptions`` and ``files`` are what
    the API takes and never shows.
    """

    organization_id: str
    app_client_id: str
    tickets: Shelf[str, TicketCard] = field(default_factory=lambda: Shelf(ticket_card))
    orders: Shelf[OrderKey, OrderCard] = field(default_factory=lambda: Shelf(order_card))
    customers: Shelf[str, CustomerCard] = field(default_factory=lambda: Shelf(customer_card))
    order_links: dict[str, OrderKey] = field(default_factory=dict)
    users: list[JsonObject] = field(default_factory=list)
    teams: list[JsonObject] = field(default_factory=list)
    tags: list[JsonObject] = field(default_factory=list)
    channels: list[JsonObject] = field(default_factory=list)
    imported_up_to: int = 0
    hidden_until: dict[str, datetime] = field(default_factory=dict)
    subscriptions: dict[OrderKey, JsonObject] = field(default_factory=dict)
    files: dict[str, JsonObject] = field(default_factory=dict)
    outbox: list[JsonObject] = field(default_factory=list)

    def has_ticket(self, ident: str, now: datetime) -> bool:
        """Whether there is such a conversation and ``now`` is late enough to see it."""
        return ident in self.tickets and self.is_visible(ident, now)

    def is_visible(self, ident: str, now: datetime) -> bool:
        """Whether a conversation has been there long enough to be found."""
        return ident not in self.hidden_until or self.hidden_until[ident] <= now

    def cards(self, now: datetime) -> list[TicketCard]:
        """Every conversation that can be found ``now``."""
        return [card for card in self.tickets.cards() if self.is_visible(card.id, now)]

    def newest_open(self) -> list[JsonObject]:
        """Open conversations, the most recently created first, for tests to look into and to change."""
        found = [card for card in self.tickets.cards() if card.status == "OPEN"]
        found.sort(key=lambda card: card.created_at, reverse=True)
        return [self.tickets[card.id] for card in found]

    def customer_with(self, name: str, value: str) -> JsonObject | None:
        """The customer whose card has ``value`` under ``name``, to change; None when there is none."""
        ident = next((card.id for card in self.customers.cards() if value and getattr(card, name) == value), None)
        return None if ident is None else self.customers[ident]
