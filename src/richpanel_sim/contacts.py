"""Who is meant by an e-mail address or a phone number, for conversations and for customers alike."""

from richpanel_sim.exchange import Call
from richpanel_sim.tenants import CustomerCard, TicketCard


def is_contact(call: Call, card: TicketCard | CustomerCard, kind: str, value: str) -> bool:
    """Whether a card is of the customer with that e-mail address (in any case) or phone number."""
    if kind == "email":
        return card.email.lower() == value.lower()
    if call.switches.phone_match == "exact":
        return card.phone == value
    return _digits(card.phone) == _digits(value) != ""


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
