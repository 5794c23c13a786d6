"""Notes of who used which server: cheap to take, bounded, written at most once a minute for each server."""

from collections.abc import Sequence
from typing import Self

import pytest

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.models.servers import ClientInfo, ServerUse
from mcp_gateway.services import last_seen
from mcp_gateway.services.last_seen import LastSeen
from tests.support.clocks import ManualClock

CLAUDE = {"name": "claude-ai", "version": "1.2"}
CURSOR = {"name": "Cursor", "version": "3"}


class Written:
    """Stands for the database: what was written in which statement."""

    def __init__(self) -> None:
        self.batches: list[list[ServerUse]] = []
        self.is_away = False

    @property
    def uses(self) -> list[ServerUse]:
        return [use for batch in self.batches for use in batch]

    def __call__(self, tenant_id: str | None = None) -> "Written":
        assert tenant_id is None
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @property
    def across_tenants(self) -> "Written":
        return self

    async def record_server_use(self, uses: Sequence[ServerUse]) -> None:
        if self.is_away:
            raise StoreUnavailableError("away")
        self.batches.append(list(uses))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def seen(written, clock) -> LastSeen:
    return LastSeen(unit_of_work=written, clock=clock)


async def test_a_thousand_uses_in_a_minute_are_one_write(seen, written, clock):
    for _ in range(1000):
        seen.note("s", None)
    for _ in range(5):
        await seen.write()
        seen.note("s", None)
        clock.advance(10)
    assert [(use.server_id, use.minute, use.client) for use in written.uses] == [("s", clock_start(), None)]


def clock_start():
    return ManualClock().now()


async def test_each_minute_has_its_write(seen, written, clock):
    for _ in range(3):
        seen.note("s", None)
        await seen.write()
        clock.advance(60)
    assert [(use.minute - clock_start()).total_seconds() for use in written.uses] == [0, 60, 120]


async def test_clients_that_take_turns_cost_one_write_a_minute_too(seen, written, clock):
    for _ in range(6):
        for client in (CLAUDE, CURSOR):
            seen.note("s", client)
            await seen.write()
            clock.advance(5)
    clock.advance(60)
    await seen.write()
    assert [use.client and use.client.name for use in written.uses] == ["claude-ai", "Cursor"]


async def test_client_that_was_named_once_stays_until_it_is_written(seen, written):
    seen.note("s", CLAUDE)
    seen.note("s", None)
    await seen.write()
    assert written.uses[0].client == ClientInfo("claude-ai", "1.2")


@pytest.mark.parametrize(
    ("client", "stored"),
    [
        (None, None),
        ("claude", None),
        ({}, None),
        ({"name": 1}, None),
        ({"name": ""}, None),
        ({"name": "x"}, ClientInfo("x", "")),
        ({"name": "x", "version": ["1"]}, ClientInfo("x", "")),
        ({"name": "a\x00b\x1b[31m\n", "version": "\u202e1"}, ClientInfo("a b [31m", "1")),
        ({"name": "n" * 5000, "version": "v" * 5000}, ClientInfo("n" * 100, "v" * 100)),
    ],
)
async def test_what_a_client_says_of_itself_is_cut_and_cleaned(seen, written, client, stored):
    seen.note("s", client)
    await seen.write()
    assert written.uses[0].client == stored


async def test_notes_are_bounded(seen, written):
    for number in range(last_seen.MAX_NOTED + 500):
        seen.note(f"s{number}", None)
    await seen.write()
    assert len(written.uses) == last_seen.MAX_NOTED
    assert max(len(batch) for batch in written.batches) <= last_seen.BATCH


async def test_what_could_not_be_written_is_written_later(seen, written):
    seen.note("s", CLAUDE)
    written.is_away = True
    with pytest.raises(StoreUnavailableError):
        await seen.write()
    seen.note("t", None)
    written.is_away = False
    await seen.write()
    assert {use.server_id for use in written.uses} == {"s", "t"}
