"""What arrived, byte for byte: the evidence behind "the simulator counted exactly one request"."""

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from richpanel_sim.tenants import to_wire_time

_READS = {"GET", "HEAD", "OPTIONS"}


class Write(NamedTuple):
    """What makes two requests the same write: verb, target as it stood on the request line, body, tenant."""

    method: str
    target: bytes
    body_sha256: str
    tenant: str | None


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it arrived and what became of it.

    ``target`` is path and query exactly as on the request line; ``headers`` keep order and repetitions, names in lower
    case; ``tenant`` is None without a known key; ``status`` is None until answered and stays so when the connection
    was dropped instead.
    """

    number: int
    at: datetime
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    tenant: str | None
    status: int | None = None

    def header(self, name: str) -> str | None:
        """The first value of header ``name``, or None."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)

    def to_write(self) -> Write | None:
        """What this request writes; None for one that only reads."""
        if self.method in _READS:
            return None
        return Write(self.method, self.target, hashlib.sha256(self.body).hexdigest(), self.tenant)

    def to_json(self) -> dict[str, Any]:
        """The record for people: bytes as text, with what is not text escaped."""
        return {
            "number": self.number,
            "at": to_wire_time(self.at),
            "method": self.method,
            "target": self.target.decode("ascii", "backslashreplace"),
            "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in self.headers],
            "body": self.body.decode("utf-8", "backslashreplace"),
            "tenant": self.tenant,
            "status": self.status,
        }


class Recorder:
    """The last ``capacity`` requests in full, and counts of all since the last reset.

    Writes are counted one by one as well, those no longer kept too: ``times_seen`` answers how often one arrived.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[int, RecordedRequest] = OrderedDict()
        self.reset()

    def reset(self) -> None:
        """Forget every request and start numbering from 1."""
        self._kept.clear()
        self.total = 0
        self.by_method: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.by_tenant: Counter[str] = Counter()
        self.writes: Counter[Write] = Counter()

    @property
    def requests(self) -> list[RecordedRequest]:
        """What is still kept, oldest first."""
        return list(self._kept.values())

    def times_seen(self, method: str, target: bytes, body: bytes | None = None, tenant: str | None = None) -> int:
        """How many times a write arrived, answered or not; without ``body`` or ``tenant`` whatever those were."""
        digest = None if body is None else hashlib.sha256(body).hexdigest()
        return sum(
            times
            for write, times in self.writes.items()
            if (write.method, write.target) == (method, target)
            and digest in (None, write.body_sha256)
            and tenant in (None, write.tenant)
        )

    def begin(self, request: RecordedRequest) -> int:
        """Count and keep an arrival; returns the number it was given."""
        self.total += 1
        self.by_method[request.method] += 1
        self.by_tenant[request.tenant or "unknown"] += 1
        if (write := request.to_write()) is not None:
            self.writes[write] += 1
        self._kept[self.total] = replace(request, number=self.total)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return self.total

    def finish(self, number: int, status: int | None) -> None:
        """Note how arrival ``number`` was answered; None means the connection was dropped."""
        self.by_status["dropped" if status is None else str(status)] += 1
        if number in self._kept:
            self._kept[number] = replace(self._kept[number], status=status)
