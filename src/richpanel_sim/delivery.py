"""How a fault reaches the client: what becomes of the answer on its way."""

from collections.abc import Callable
from datetime import datetime

from richpanel_sim.asgi import ClientGoneError, Wire
from richpanel_sim.exchange import Reply
from richpanel_sim.fault_kinds import KINDS, delivery_of, has_effect
from richpanel_sim.faults import ForcedAnswer

DEFAULT_SLOW_SECONDS = 5.0
DEFAULT_DRIP_SECONDS = 0.7

Note = Callable[[int | None], None]


class Suffering:
    """One request that meets a fault.

    ``honest`` does the work and gives its answer; ``dress_up`` puts the rate-limit headers on an answer; ``note`` is
    told the status that is sent, or None, before the first byte leaves.
    """

    def __init__(
        self,
        fault: ForcedAnswer,
        wire: Wire,
        honest: Callable[[], Reply],
        dress_up: Callable[[Reply], Reply],
        note: Note,
    ) -> None:
        self._fault = fault
        self._wire = wire
        self._honest = honest
        self._dress_up = dress_up
        self._note = note

    async def endure(self, now: datetime) -> None:
        """Do to the request what its fault is."""
        match delivery_of(self._fault):
            case "slow":
                await self._answer_late()
            case "hang" | "close" | "reset" | "garbage":
                await self._break()
            case delivery:
                reply = self._reply(now)
                self._note(reply.status)
                await self._send(delivery, reply)

    async def _answer_late(self) -> None:
        early = self._honest() if has_effect(self._fault) else None
        try:
            await self._wire.wait(self._seconds(DEFAULT_SLOW_SECONDS))
        except ClientGoneError:
            self._note(None)
            return
        reply = early or self._honest()
        self._note(reply.status)
        await self._wire.send(reply)

    async def _break(self) -> None:
        if has_effect(self._fault):
            self._honest()
        self._note(None)
        ends = {"hang": self._wire.until_gone, "close": self._wire.close, "reset": self._wire.reset}
        await ends.get(delivery_of(self._fault), self._wire.send_garbage)()

    async def _send(self, delivery: str, reply: Reply) -> None:
        match delivery:
            case "drip":
                try:
                    await self._wire.drip(reply, self._seconds(DEFAULT_DRIP_SECONDS))
                except ClientGoneError:
                    return
            case "short" | "reset_mid_body":
                await self._wire.send_half(reply, is_reset=delivery == "reset_mid_body")
            case "raw":
                await self._wire.send_raw(reply)
            case _:
                await self._wire.send(reply)

    def _reply(self, now: datetime) -> Reply:
        kind = KINDS[self._fault.kind]
        if kind.make is None:
            honest = self._honest()
            return kind.bend(honest) if kind.bend else honest
        if has_effect(self._fault):
            self._honest()
        reply = kind.make(self._fault, now)
        return self._dress_up(reply) if self._fault.rate_limit_headers else reply

    def _seconds(self, default: float) -> float:
        return default if self._fault.seconds is None else self._fault.seconds
