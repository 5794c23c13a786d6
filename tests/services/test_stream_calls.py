"""Work for a stream that ends first: cancelled like the call of a client that left, and nothing else is."""

import asyncio

import pytest

from mcp_gateway.exceptions import StoreUnavailableError
from mcp_gateway.services.stream import CloseReason, Stream, Unread
from mcp_gateway.services.stream_calls import RemoteStream, while_open

LIMIT_SECONDS = 5


class Work:
    """Runs until it is cancelled, or told to end."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.was_cancelled = False

    async def __call__(self):
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return "answer"


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def stream():
    return Stream("id", "mcp_srv_1", "ten_1", b"digest", Unread())


async def test_work_comes_to_its_answer(stream, work):
    work.may_end.set()
    assert await while_open(stream, work) == "answer"
    stream.close(CloseReason.CLIENT_GONE)
    task = asyncio.current_task()
    assert task
    assert not task.cancelling()


async def test_stream_that_ends_cancels_its_work_and_no_cancellation_is_left_behind(stream, work):
    async def whole():
        outcome = await while_open(stream, work)
        await asyncio.sleep(0)
        running = asyncio.current_task()
        assert running
        return outcome, running.cancelling()

    task = asyncio.create_task(whole())
    await work.begun.wait()
    stream.close(CloseReason.CLIENT_GONE)
    assert await task == (None, 0)
    assert work.was_cancelled


async def test_several_calls_of_one_stream_all_end(stream):
    works = [Work() for _ in range(3)]
    tasks = [asyncio.create_task(while_open(stream, work)) for work in works]
    for work in works:
        await work.begun.wait()
    works[1].may_end.set()
    assert await tasks[1] == "answer"
    stream.close(CloseReason.REVOKED)
    assert await asyncio.gather(*tasks) == [None, "answer", None]


async def test_nothing_is_begun_for_a_stream_that_has_ended(stream, work):
    stream.close(CloseReason.CLIENT_GONE)
    assert await while_open(stream, work) is None
    assert not work.begun.is_set()


async def test_another_cancellation_stays_one(stream, work):
    task = asyncio.create_task(while_open(stream, work))
    await work.begun.wait()
    task.cancel()
    stream.close(CloseReason.CLIENT_GONE)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_stream_of_another_process_is_looked_for_until_it_is_gone(work):
    told = iter([True, StoreUnavailableError("away"), True, False])

    async def is_open():
        said = next(told)
        if isinstance(said, Exception):
            raise said
        return said

    stream = RemoteStream("id", "process", is_open, check_seconds=0.001)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await while_open(stream, work) is None
    assert work.was_cancelled
    assert stream.closed


async def test_quick_call_for_a_stream_of_another_process_asks_nothing(work):
    asked = []

    async def is_open():
        asked.append(1)
        return True

    work.may_end.set()
    assert await while_open(RemoteStream("id", "process", is_open), work) == "answer"
    assert not asked
