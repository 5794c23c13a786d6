"""The error bodies Richpanel is known to answer with, each under the name of its cause.

Five shapes exist in the wild: a list of express-validator faults under ``error`` or ``errors``, ``error.message`` on
reading, ``errors.message`` on updating, and a bare ``message``, which is also the form of the API Gateway in front.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from richpanel_sim.exchange import Reply
from richpanel_sim.switches import Switches

ABSENT = object()

Shape = Literal["gateway", "validation", "error_list", "errors_list", "error_message", "errors_message", "message"]


class Fault(NamedTuple):
    """One field an express-validator chain would complain about; ``value`` ABSENT when it was not sent."""

    param: str
    value: Any = ABSENT
    location: str = "body"
    msg: str = "Invalid value"

    def to_wire(self) -> dict[str, Any]:
        """The entry as express-validator writes it, without ``value`` when there was none."""
        told = {} if self.value is ABSENT else {"value": self.value}
        return {**told, "msg": self.msg, "param": self.param, "location": self.location}


class Refusal(NamedTuple):
    """Why a call is refused, before it is known which shape tells it; ``shape`` is the one seen for this cause."""

    status: int
    shape: Shape
    message: str
    faults: tuple[Fault, ...] = ()

    def to_reply(self, switches: Switches) -> Reply:
        """The answer. What the API Gateway refuses keeps its shape whatever the switches say."""
        shape: str = self.shape
        if shape != "gateway" and switches.error_shape != "as_seen":
            shape = switches.error_shape
        if shape == "validation":
            shape = f"{switches.validation_key}_list"
        faults = self.faults or (Fault("id", location="params", msg=self.message),)
        return Reply.from_json(_BODIES[shape](self.message, faults), self.status)


class RefusalError(Exception):
    """A handler's refusal of a call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"refused with {refusal.status}")
        self.refusal = refusal


_BODIES: Mapping[str, Callable[[str, Sequence[Fault]], Any]] = {
    "gateway": lambda message, _: {"message": message},
    "message": lambda message, _: {"message": message},
    "error_message": lambda message, _: {"error": {"message": message}},
    "errors_message": lambda message, _: {"errors": {"message": message}},
    "error_list": lambda _, faults: {"error": [fault.to_wire() for fault in faults]},
    "errors_list": lambda _, faults: {"errors": [fault.to_wire() for fault in faults]},
}


def invalid(faults: Sequence[Fault]) -> RefusalError:
    """400 with the list of ``faults``."""
    message = f"Invalid value: {', '.join(fault.param for fault in faults)}"
    return RefusalError(Refusal(400, "validation", message, tuple(faults)))


def refuse_if(faults: Sequence[Fault]) -> None:
    """Go on when there are no faults.

    Raises:
        RefusalError: 400 that lists them.
    """
    if faults:
        raise invalid(faults)


def unparsable() -> RefusalError:
    """400 for a body that is declared as JSON and is not."""
    return RefusalError(Refusal(400, "error_message", "Request body is not valid JSON."))


def too_large() -> RefusalError:
    """413 as API Gateway words it for a body over its 10 MB."""
    return RefusalError(Refusal(413, "gateway", "Request Too Long"))


def file_too_large(limit: int) -> RefusalError:
    """413 for a file above Richpanel's own limit, which is not documented."""
    return RefusalError(Refusal(413, "error_message", f"The file is larger than {limit} bytes."))


def bad_key(status: int) -> RefusalError:
    """A missing or unknown key: Richpanel's own 401, or the 403 of a gateway in front."""
    if status == 403:  # noqa: PLR2004 - HTTP status
        return forbidden()
    return RefusalError(Refusal(status, "error_message", "Invalid or missing API key."))


def forbidden() -> RefusalError:
    """403 for a route this key or plan may not use."""
    return RefusalError(Refusal(403, "gateway", "Forbidden"))


def unknown_route() -> RefusalError:
    """403, not 404, for a path or method API Gateway does not know."""
    return RefusalError(Refusal(403, "gateway", "Missing Authentication Token"))


def gateway_timeout() -> RefusalError:
    """504 of API Gateway after its 29 s; whether the work was done is another question."""
    return RefusalError(Refusal(504, "gateway", "Endpoint request timed out"))


def not_writable() -> RefusalError:
    """404 for a write on a path that can only be read."""
    return RefusalError(Refusal(404, "gateway", "Not Found"))


def conversation_not_read(status: int) -> RefusalError:
    """For reading a conversation that is gone or never was."""
    return RefusalError(Refusal(status, "error_message", "No conversations found with the given Id."))


def conversation_not_updated(status: int) -> RefusalError:
    """For writing to a conversation that is gone or never was."""
    return RefusalError(Refusal(status, "errors_message", "Provided conversation id does not exist."))


def not_found(what: str, status: int = 404) -> RefusalError:
    """For anything else that is not there; Richpanel's own words are unknown."""
    return RefusalError(Refusal(status, "error_message", f"No {what} found with the given Id."))


def conflict(message: str, status: int = 409) -> RefusalError:
    """For an identifier that something else already has."""
    return RefusalError(Refusal(status, "error_message", message))


def too_many_requests(limit: int, window_seconds: float) -> Refusal:
    """429; the documentation promises a reason in the body and does not give its shape."""
    return Refusal(429, "error_message", f"Rate limit exceeded: {limit} requests per {window_seconds:g} seconds.")
