"""Every point where Richpanel's true behaviour is doubtful, as one typed value with a believable default.

A switch is a field whose type is ``bool`` or a ``Literal`` of strings, numbers or both; its ``help`` metadata is what
the command line shows. Adding a doubtful point means adding one field here and reading it where it matters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_type_hints

_WORDS = {"on": True, "true": True, "off": False, "false": False}


class SwitchError(ValueError):
    """A switch that does not exist, or a value it cannot take; the message names what can be said instead."""


def _switch(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Switches:
    """How the simulator decides each doubtful point; the defaults are what was documented or seen live."""

    bad_key_status: Literal[401, 403] = _switch(
        401, "status for a missing or unknown key: the docs say 401, API Gateway front ends commonly say 403"
    )
    retry_after_header: bool = _switch(
        True, "whether a 429 carries Retry-After: documented, yet absent from the recorded 429s"
    )
    unencoded_id_silent_noop: bool = _switch(
        True, "a write whose id holds a raw @ < > or + answers 200 and applies nothing"
    )
    list_forbidden: bool = _switch(False, "GET /tickets answers 403, as on accounts that may not list")
    user_key: Literal["user", "users"] = _switch(
        "user", "array key of GET /users: as clients read it, or as the docs show it"
    )
    operator_key: Literal["is_operator", "isOperator"] = _switch(
        "is_operator", "spelling of the operator mark on comments: live, or as the docs have it"
    )
    validation_key: Literal["error", "errors"] = _switch("error", "key of the list of validation faults in a 400")
    list_comments: Literal["empty", "absent", "full"] = _switch("empty", "what lists show of each thread")
    put_tags: Literal["replace", "merge"] = _switch("replace", "whether ticket.tags on an update replaces or adds")
    order_of_unknown_conversation: Literal["empty", "not_found"] = _switch(
        "empty", "GET /order/{conversationId} for a conversation that does not exist: {} or 404"
    )

    def altered(self, changes: Mapping[str, Any]) -> "Switches":
        """These switches with ``changes`` (values may be text, as on a command line) applied.

        Raises:
            SwitchError: an unknown name, or a value outside the switch's own.
        """
        return replace(self, **{name: _parse(name, value) for name, value in changes.items()})

    @staticmethod
    def explain() -> list[tuple[str, str, str, str]]:
        """Name, allowed values, default and meaning of every switch, in order of declaration."""
        return [(f.name, " | ".join(_allowed(f.name)), _show(f.default), f.metadata["help"]) for f in fields(Switches)]


def _parse(name: str, value: Any) -> Any:
    if name not in _CHOICES:
        raise SwitchError(f"no switch {name!r}; there are: {', '.join(_CHOICES)}")
    for choice in _CHOICES[name]:
        if value is choice or (not isinstance(value, bool) and str(value) == str(choice)):
            return choice
    if isinstance(value, str) and bool in map(type, _CHOICES[name]) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise SwitchError(f"{name} cannot be {value!r}; it can be: {', '.join(_allowed(name))}")


def _allowed(name: str) -> list[str]:
    return [_show(choice) for choice in _CHOICES[name]]


def _show(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _choices(hint: Any) -> tuple[Any, ...]:
    return (True, False) if hint is bool else get_args(hint)


_CHOICES = {name: _choices(hint) for name, hint in get_type_hints(Switches).items()}
