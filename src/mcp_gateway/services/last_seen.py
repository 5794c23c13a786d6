"""When each server was last used, and by which client: noted in memory by the call, written in batches behind it.

What is noted and not yet written is lost with the process, and so is what does not fit: it is told again by the next
use. One process writes at most once a minute for each server.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.kit.clock import Clock
from mcp_gateway.models.servers import ClientInfo, ServerUse
from mcp_gateway.storage.uow import UnitOfWorkFactory

WRITE_SECONDS = 2.0
"""Pause between two rounds of writing."""
BATCH = 500
MAX_NOTED = 10_000
"""Servers noted at a time."""
MAX_TEXT = 100
"""Characters of a client's name, and of its version."""
MINUTE = 60

logger = structlog.get_logger(__name__)

_Named = tuple[str, str]
"""Name and version of a client: as sent, but cut to length."""


@dataclass(slots=True)
class _Seen:
    minute: int
    """Since the epoch."""
    client: _Named | None


class LastSeen:
    """Takes notes on the call path and writes them; `write_forever` is a task for the life of the process."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._noted: dict[str, _Seen] = {}
        self._written: dict[str, _Seen] = {}
        """What was written for the present minute, or the one before."""

    def note(self, server_id: str, client: object) -> None:
        """The server is being used; `client` is what the client says of itself, as sent."""
        minute, named = self._minute(), _named(client)
        written = self._written.get(server_id)
        if written is not None and written.minute == minute and named in (None, written.client):
            return
        noted = self._noted.get(server_id)
        if noted is None:
            if len(self._noted) < MAX_NOTED:
                self._noted[server_id] = _Seen(minute, named)
            return
        noted.minute = minute
        noted.client = named or noted.client

    async def write_forever(self) -> None:
        """Write, again and again."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.write()
            except StoreUnavailableError as exc:
                logger.debug("last_seen.waiting", reason=type(exc).__name__)
            except Exception:
                # The loop must outlive any bug in one round of it.
                logger.exception("upkeep.failed")

    async def write(self) -> None:
        """Write what was noted of servers for which nothing was written in this minute.

        Raises:
            StoreUnavailableError: nothing is lost, the next round tries again.
        """
        minute = self._minute()
        self._written = {one: seen for one, seen in self._written.items() if seen.minute == minute}
        due = [server_id for server_id in self._noted if server_id not in self._written]
        for start in range(0, len(due), BATCH):
            batch = {server_id: self._noted.pop(server_id) for server_id in due[start : start + BATCH]}
            try:
                async with self._unit_of_work() as stores:
                    await stores.across_tenants.record_server_use([_use(one, seen) for one, seen in batch.items()])
            except BaseException:
                # What was noted meanwhile is newer.
                self._noted = {**batch, **self._noted}
                raise
            self._written.update((server_id, _Seen(minute, seen.client)) for server_id, seen in batch.items())

    def _minute(self) -> int:
        return int(self._clock.now().timestamp()) // MINUTE


def _named(client: object) -> _Named | None:
    if not isinstance(client, dict):
        return None
    name, version = client.get("name"), client.get("version")
    if not isinstance(name, str) or not name:
        return None
    return name[:MAX_TEXT], version[:MAX_TEXT] if isinstance(version, str) else ""


def _use(server_id: str, seen: _Seen) -> ServerUse:
    client = None if seen.client is None else ClientInfo(*(_clean(text) for text in seen.client))
    return ServerUse(server_id, datetime.fromtimestamp(seen.minute * MINUTE, UTC), client)


def _clean(text: str) -> str:
    """Without what a terminal or a log could take for more than a character of text."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
