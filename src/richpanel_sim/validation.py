"""The express-validator chains on the bodies of writes to conversations."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from richpanel_sim.refusals import ABSENT, Fault
from richpanel_sim.shelves import JsonObject
from richpanel_sim.switches import Switches

Check = Callable[[Any], bool]

CHANNELS = ("email", "messenger", "facebook_message", "instagram", "aircall", "phone", "whatsapp")
"""What may be created; many more are seen on reading, and ``chat`` is refused."""

PUT_SWITCHES = {
    "priority": "put_priority",
    "subject": "put_subject",
    "snoozed_till": "put_snoozed_till",
    "team_id": "put_team_id",
    "customFields": "put_custom_fields",
}
"""Fields of an update that are honoured only where a switch says so."""

_FROM_KEYS: Mapping[str, tuple[str, ...]] = {"email": ("address",), "aircall": ("id",)}


def is_text(value: Any) -> bool:
    """Any text, empty too."""
    return isinstance(value, str)


def is_filled(value: Any) -> bool:
    """Text that is more than blanks."""
    return isinstance(value, str) and bool(value.strip())


def is_object(value: Any) -> bool:
    """A JSON object."""
    return isinstance(value, dict)


def is_flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A number, and not a flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text_list(value: Any) -> bool:
    """An array of nothing but text, perhaps empty."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


_TICKET: Mapping[str, Check] = {
    "status": _one_of("OPEN", "CLOSED"),
    "priority": _one_of("LOW", "HIGH"),
    "subject": is_text,
    "assignee_id": is_text,
    "tags": is_text_list,
    "customer_profile": is_object,
    "comment": is_object,
    "snoozed_till": is_text,
    "team_id": is_text,
    "customFields": is_object,
}
_COMMENT: Mapping[str, Check] = {"sender_type": _one_of("customer", "operator"), "public": is_flag}
_CREATE_FIELDS = {"id", "status", "subject", "priority", "assignee_id", "tags", "customer_profile", "comment", "via"}
_UPDATE_FIELDS = {"id", "status", "assignee_id", "tags", "customer_profile", "comment", "via"}


def honoured_fields(switches: Switches) -> set[str]:
    """The keys under ``ticket`` an update knows; those among them that it acts on are up to the caller."""
    return _UPDATE_FIELDS | {name for name, switch in PUT_SWITCHES.items() if getattr(switches, switch)}


def update_faults(body: Any, switches: Switches) -> list[Fault]:
    """What is wrong with the body of ``PUT /tickets/{id}``: everything sits under ``ticket``; unknown keys are fine."""
    ticket = member(body, "ticket")
    if not isinstance(ticket, dict):
        return [Fault("ticket", ticket)]
    known = honoured_fields(switches)
    checks = {name: check for name, check in _TICKET.items() if name in known}
    return [
        *failing(ticket, checks, "ticket"),
        *_comment_faults(ticket.get("comment")),
        *unknown_faults(ticket, known, switches, "ticket."),
    ]


def create_faults(body: Any, switches: Switches) -> list[Fault]:
    """What is wrong with the body of ``POST /tickets``: besides the above a comment and ``via.source.from`` are due."""
    ticket = member(body, "ticket")
    if not isinstance(ticket, dict):
        return [Fault("ticket", ticket)]
    checks = {name: check for name, check in {**_TICKET, "id": is_filled}.items() if name in _CREATE_FIELDS}
    return [
        *failing(ticket, checks, "ticket"),
        *([] if "comment" in ticket else [Fault("ticket.comment")]),
        *_comment_faults(ticket.get("comment")),
        *_via_faults(ticket.get("via", {})),
        *unknown_faults(ticket, _CREATE_FIELDS, switches, "ticket."),
    ]


def tags_faults(body: Any, switches: Switches) -> list[Fault]:
    """What is wrong with the body of ``add-tags`` and ``remove-tags``: ``{"tags": [text, ...]}``, at least one."""
    tags = member(body, "tags")
    faults = [] if is_text_list(tags) and tags else [Fault("tags", tags)]
    return [*faults, *unknown_faults(body, {"tags"}, switches)]


def message_faults(body: Any, switches: Switches) -> list[Fault]:
    """What is wrong with the body of ``send-message``, which is not wrapped."""
    text, author = member(body, "body"), member(body, "author_id")
    is_author_fine = is_filled(author) or (author is ABSENT and not switches.author_id_required)
    return [
        *([] if is_filled(text) else [Fault("body", text)]),
        *([] if is_author_fine else [Fault("author_id", author)]),
        *(failing(body, {"attachments": is_text_list}, "") if isinstance(body, dict) else []),
        *unknown_faults(body, {"body", "author_id", "attachments"}, switches),
    ]


def unknown_faults(given: Any, known: Collection[str], switches: Switches, prefix: str = "") -> list[Fault]:
    """The keys of ``given`` that are not ``known``, where the switches say that those are refused."""
    if switches.silent_ignore_unknown_fields or not isinstance(given, dict):
        return []
    return [Fault(prefix + name, value) for name, value in given.items() if name not in known]


def member(body: Any, name: str) -> Any:
    """A member of what may be no object; ABSENT when it is not there."""
    return body.get(name, ABSENT) if isinstance(body, dict) else ABSENT


def failing(given: JsonObject, checks: Mapping[str, Check], prefix: str, required: Collection[str] = ()) -> list[Fault]:
    """The members of ``given`` that do not pass their check, and those of ``required`` that are not there."""
    failing_names = (
        name for name, check in checks.items() if (not check(given[name]) if name in given else name in required)
    )
    return [Fault(f"{prefix}.{name}" if prefix else name, given.get(name, ABSENT)) for name in failing_names]


def _comment_faults(comment: Any) -> list[Fault]:
    if not isinstance(comment, dict):
        return []
    text = member(comment, "body")
    return [
        *([] if is_filled(text) else [Fault("ticket.comment.body", text)]),
        *failing(comment, _COMMENT, "ticket.comment"),
    ]


def _via_faults(via: Any) -> list[Fault]:
    """The channel has to be one of seven, and the sender has to be told in the channel's own way."""
    channel, sender = member({"channel": "email", **via} if isinstance(via, dict) else via, "channel"), _sender(via)
    faults = [] if channel in CHANNELS else [Fault("ticket.via.channel", channel)]
    recipient = member(member(via, "source"), "to")
    faults += [] if recipient in (ABSENT, None) or is_object(recipient) else [Fault("ticket.via.source.to", recipient)]
    if not isinstance(sender, dict):
        return [*faults, Fault("ticket.via.source.from", sender)]
    # Only e-mail and calls are documented; for the others clients send either form.
    names = _FROM_KEYS.get(str(channel), ("address", "id"))
    if any(is_filled(sender.get(name)) for name in names):
        return faults
    return [*faults, Fault(f"ticket.via.source.from.{names[0]}", member(sender, names[0]))]


def _sender(via: Any) -> Any:
    return member(member(via, "source"), "from")
