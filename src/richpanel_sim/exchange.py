"""One call and its answer, as values: what handlers take and give, whatever carries the bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from richpanel_sim.switches import Switches
from richpanel_sim.tenants import Tenant

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Segment:
    """One path segment: ``text`` percent-decoded exactly once, ``raw`` as it stood on the wire."""

    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request that met a route.

    ``segments`` are the route's placeholders by name; ``query`` keeps the last value of a repeated key; ``body`` is the
    parsed JSON (``{}`` when none was declared as JSON); ``content`` and ``content_type`` are the body as it came;
    ``base_url`` ends in ``/v1`` and is what page links start with.
    """

    tenant: Tenant
    switches: Switches
    now: datetime
    path: str
    segments: Mapping[str, Segment]
    query: Mapping[str, str]
    body: Any
    content: bytes
    content_type: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, body bytes, and headers as they are sent."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON_TYPE),)

    @classmethod
    def from_json(cls, value: Any, status: int = 200) -> "Reply":
        """``value`` as a JSON answer."""
        return cls(status, orjson.dumps(value))

    def with_headers(self, *extra: tuple[str, str]) -> "Reply":
        """The same answer with ``extra`` headers behind its own."""
        return Reply(self.status, self.body, (*self.headers, *extra))

    def with_body(self, body: bytes) -> "Reply":
        """The same answer around another body."""
        return Reply(self.status, body, self.headers)
