"""The express-validator chains on the bodies of writes."""

from collections.abc import Callable, Mapping
from typing import Any

from richpanel_sim.refusals import ABSENT, Fault
from richpanel_sim.tenants import JsonObject

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_tag_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def _is_body(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


_TICKET: Mapping[str, Check] = {
    "status": _one_of("OPEN", "CLOSED"),
    "priority": _one_of("LOW", "HIGH"),
    "subject": _is_text,
    "assignee_id": _is_text,
    "tags": _is_tag_list,
    "customer_profile": lambda value: isinstance(value, dict),
    "comment": lambda value: isinstance(value, dict),
}
_COMMENT: Mapping[str, Check] = {
    "sender_type": _one_of("customer", "operator"),
    "public": lambda value: isinstance(value, bool),
}


def update_faults(body: Any) -> list[Fault]:
    """What is wrong with the body of ``PUT /tickets/{id}``: everything sits under ``ticket``; unknown keys are fine."""
    ticket = _field(body, "ticket")
    if not isinstance(ticket, dict):
        return [Fault("ticket", ticket)]
    faults = _failing(ticket, _TICKET, "ticket")
    comment = ticket.get("comment")
    if isinstance(comment, dict):
        text = _field(comment, "body")
        faults += [] if _is_body(text) else [Fault("ticket.comment.body", text)]
        faults += _failing(comment, _COMMENT, "ticket.comment")
    return faults


def tags_faults(body: Any) -> list[Fault]:
    """What is wrong with the body of ``add-tags`` and ``remove-tags``: ``{"tags": [text, ...]}``, at least one."""
    tags = _field(body, "tags")
    return [] if _is_tag_list(tags) and tags else [Fault("tags", tags)]


def _field(body: Any, name: str) -> Any:
    return body.get(name, ABSENT) if isinstance(body, dict) else ABSENT


def _failing(given: JsonObject, checks: Mapping[str, Check], prefix: str) -> list[Fault]:
    failing = (name for name, check in checks.items() if name in given and not check(given[name]))
    return [Fault(f"{prefix}.{name}", given[name]) for name in failing]
