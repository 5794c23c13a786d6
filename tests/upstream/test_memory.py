"""What a connection holds once its answer was handed over: nothing of it, and itself no longer than it is open."""

import asyncio
import gc
from typing import TypeVar

import pytest

from mcp_gateway.upstream.connection import Answer, UpstreamConnection
from tests.support.peers import Peer, always, answer
from tests.upstream.conftest import KEY, MAX_BYTES, MakeClient, request

LIMIT_SECONDS = 10
T = TypeVar("T")


@pytest.fixture(autouse=True)
def no_collector():
    """Only what nothing refers to is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(kind: type[T]) -> list[T]:
    return [one for one in gc.get_objects() if type(one) is kind]


async def test_idle_connection_keeps_nothing_of_its_last_answer(make_client: MakeClient):
    async with Peer(always(answer(b"x" * MAX_BYTES))) as peer:
        await make_client(peer.url).send(request(), KEY)
        await asyncio.sleep(0)  # what woke this task holds the answer until its step ends

        assert len(alive(UpstreamConnection)) == 1
        assert [one.size for one in alive(Answer) if one.size] == []


async def test_closed_connection_is_freed_without_the_garbage_collector(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url)
        await client.send(request(), KEY)
        await client.aclose()

        async with asyncio.timeout(LIMIT_SECONDS):
            while alive(UpstreamConnection):
                await asyncio.sleep(0.01)
