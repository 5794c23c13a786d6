"""The error bodies Richpanel is known to answer with, each under the name of its cause.

Four shapes exist in the wild: a list of express-validator faults, ``error.message`` on reading, ``errors.message`` on
updating, and the bare ``message`` of the API Gateway in front.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from richpanel_sim.exchange import Reply

ABSENT = object()


class RefusalError(Exception):
    """A handler's refusal of a call; carries the whole answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"refused with {reply.status}")
        self.reply = reply


class Fault(NamedTuple):
    """One field an express-validator chain would complain about; ``value`` ABSENT when it was not sent."""

    param: str
    value: Any = ABSENT
    location: str = "body"

    def to_wire(self) -> dict[str, Any]:
        """The entry as express-validator writes it, without ``value`` when there was none."""
        told = {} if self.value is ABSENT else {"value": self.value}
        return {**told, "msg": "Invalid value", "param": self.param, "location": self.location}


def invalid(faults: Sequence[Fault], key: str) -> RefusalError:
    """400 with the list of ``faults`` under ``key``."""
    return RefusalError(Reply.from_json({key: [fault.to_wire() for fault in faults]}, 400))


def unparsable() -> RefusalError:
    """400 for a body that is declared as JSON and is not."""
    return RefusalError(Reply.from_json({"error": {"message": "Request body is not valid JSON."}}, 400))


def too_large() -> RefusalError:
    """413 as API Gateway words it for a body over its 10 MB."""
    return RefusalError(Reply.from_json({"message": "Request Too Long"}, 413))


def bad_key(status: int) -> RefusalError:
    """A missing or unknown key: Richpanel's own 401, or the 403 of a gateway in front."""
    body = {"message": "Forbidden"} if status == 403 else {"error": {"message": "Invalid or missing API key."}}  # noqa: PLR2004 - HTTP status
    return RefusalError(Reply.from_json(body, status))


def forbidden() -> RefusalError:
    """403 for a route this key or plan may not use."""
    return RefusalError(Reply.from_json({"message": "Forbidden"}, 403))


def unknown_route() -> RefusalError:
    """403, not 404, for a path or method API Gateway does not know."""
    return RefusalError(Reply.from_json({"message": "Missing Authentication Token"}, 403))


def not_writable() -> RefusalError:
    """404 for a write on a path that can only be read."""
    return RefusalError(Reply.from_json({"message": "Not Found"}, 404))


def conversation_not_read() -> RefusalError:
    """404 for reading a conversation that is gone or never was."""
    return RefusalError(Reply.from_json({"error": {"message": "No conversations found with the given Id."}}, 404))


def conversation_not_updated() -> RefusalError:
    """404 for writing to a conversation that is gone or never was."""
    return RefusalError(Reply.from_json({"errors": {"message": "Provided conversation id does not exist."}}, 404))


def order_not_found() -> RefusalError:
    """404 for an order that is not there; Richpanel's own form is unknown."""
    return RefusalError(Reply.from_json({"error": {"message": "No order found with the given Id."}}, 404))


def too_many_requests(limit: int, window_seconds: float) -> Reply:
    """429; the documentation promises a reason in the body and does not give its shape."""
    reason = f"Rate limit exceeded: {limit} requests per {window_seconds:g} seconds."
    return Reply.from_json({"error": {"message": reason}}, 429)
