"""What one Richpanel account holds, in the shapes it shows on the wire."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]
OrderKey = tuple[str, str]


def to_wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``, as every ticket field has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Tenant:
    """One account: its conversations by id, its orders by (app client, order id), and its directory.

    Objects are kept as they are shown, because the simulator's only business with them is showing them.
    """

    organization_id: str
    app_client_id: str
    tickets: dict[str, JsonObject] = field(default_factory=dict)
    orders: dict[OrderKey, JsonObject] = field(default_factory=dict)
    order_links: dict[str, OrderKey] = field(default_factory=dict)
    users: list[JsonObject] = field(default_factory=list)
    teams: list[JsonObject] = field(default_factory=list)
    tags: list[JsonObject] = field(default_factory=list)
    channels: list[JsonObject] = field(default_factory=list)

    def ticket_by_number(self, number: str) -> JsonObject | None:
        """The conversation people call ``number``, or None."""
        return next((t for t in self.tickets.values() if str(t["conversation_no"]) == number), None)

    def newest_open(self) -> list[JsonObject]:
        """Open conversations, the most recently created first."""
        found: Iterable[JsonObject] = (t for t in self.tickets.values() if t["status"] == "OPEN")
        return sorted(found, key=lambda ticket: str(ticket["created_at"]), reverse=True)
