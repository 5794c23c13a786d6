"""Answers forced on the next requests, in the order they were queued."""

from dataclasses import dataclass
from typing import Literal

KindName = Literal[
    "answer",
    "rate_limited",
    "server_error",
    "gateway_timeout",
    "redirect",
    "html_200",
    "empty_200",
    "not_a_number",
    "wrong_charset",
    "array",
    "truncated_json",
    "short_body",
    "huge",
    "bomb",
    "slow",
    "drip",
    "hang",
    "drop",
    "reset_before_reading",
    "reset_after_reading",
    "reset_mid_body",
    "garbage",
]


@dataclass(frozen=True, slots=True)
class ForcedAnswer:
    """What the next ``times`` matching requests get instead of their answer.

    ``kind`` is one of ``fault_kinds.KINDS``. ``answer`` sends ``status`` with exactly ``headers`` and ``body`` (no
    rate-limit headers unless ``rate_limit_headers``; content type JSON unless given). Other kinds that send an answer
    of their own take ``status``, ``headers`` and ``body`` in place of theirs.
    ``after_effect`` lets the request do its work first, as a gateway timeout after a write does.
    ``method``, ``path`` (start of the raw target, such as ``/v1/tickets``) and ``tenant`` narrow what matches.
    ``seconds`` is how long ``slow`` waits, ``drip`` pauses and a ``dress`` of ``rate_limited`` asks to wait; ``size``
    the bytes of ``huge`` and ``bomb``.
    """

    kind: KindName = "answer"
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    times: int = 1
    method: str | None = None
    path: str | None = None
    tenant: str | None = None
    after_effect: bool | None = None
    rate_limit_headers: bool = False
    seconds: float | None = None
    size: int | None = None
    dress: str | None = None

    def matches(self, method: str, target: bytes, tenant: str | None) -> bool:
        """Whether a request is one of those this fault is for."""
        return (
            self.method in (None, method)
            and target.startswith((self.path or "").encode())
            and self.tenant in (None, tenant)
        )


@dataclass(slots=True, eq=False)
class _Queued:
    fault: ForcedAnswer
    left: int


class FaultQueue:
    """Forced answers waiting for their requests; the first that matches is used up first."""

    def __init__(self) -> None:
        self._waiting: list[_Queued] = []

    def add(self, fault: ForcedAnswer) -> None:
        """Queue ``fault`` behind those already waiting."""
        self._waiting.append(_Queued(fault, fault.times))

    def take(self, method: str, target: bytes, tenant: str | None, *, is_read: bool) -> ForcedAnswer | None:
        """The fault this request is to suffer, counted off; None for an honest answer.

        Asked once before the body ``is_read`` and once after it: a fault that comes before reading is given only then,
        and only when it is the first that matches.
        """
        entry = next((entry for entry in self._waiting if entry.fault.matches(method, target, tenant)), None)
        if entry is None or (entry.fault.kind == "reset_before_reading") is is_read:
            return None
        entry.left -= 1
        if not entry.left:
            self._waiting.remove(entry)
        return entry.fault

    def reset(self) -> None:
        """Forget every fault that has not happened yet."""
        self._waiting.clear()

    def __len__(self) -> int:
        """How many requests are still to suffer."""
        return sum(entry.left for entry in self._waiting)
