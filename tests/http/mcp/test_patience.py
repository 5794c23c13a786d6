"""What is sent to a client that has gone: nothing. Seen from inside, since the client is no longer there to look."""

import asyncio

import pytest

from mcp_gateway.http.bodies import ClientGoneError
from mcp_gateway.http.mcp.patience import Patience, PatientAnswer
from mcp_gateway.protocol.events import event
from mcp_gateway.protocol.reply import Reply

LIMIT_SECONDS = 5


@pytest.mark.requirement("cancel.silence")
async def test_nothing_is_sent_once_the_client_has_gone_whatever_a_tool_still_reports():
    sent = []
    leaves = asyncio.Event()

    async def receive():
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def answering(notify):
        await notify(b"1")
        leaves.set()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            await notify(b"2")
            raise
        return Reply(200, (), b"{}")

    patient = PatientAnswer(receive, send, Patience(stream_after=60, keep_alive=60), may_stream=True)
    with pytest.raises(ClientGoneError):
        await patient.of(answering)
    assert [message.get("body") for message in sent] == [None, event(b"1")]
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_slow_answer_leaves_no_eye_on_the_client_behind():
    """The next request on the connection must not be cancelled for this one."""
    watching, leaves = asyncio.Event(), asyncio.Event()

    async def receive():
        watching.set()
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    async def answering(_notify):
        await asyncio.wait_for(watching.wait(), LIMIT_SECONDS)
        return Reply(200, (), b"{}")

    before = asyncio.all_tasks()
    patient = PatientAnswer(receive, send, Patience(stream_after=60, keep_alive=60), may_stream=True)
    assert await patient.of(answering) == Reply(200, (), b"{}")
    leaves.set()
    left = asyncio.all_tasks() - before
    if left:
        await asyncio.wait(left, timeout=LIMIT_SECONDS)
    assert all(task.cancelled() for task in left)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_stream_begins_once_although_two_have_something_to_say():
    sent = []
    may_go_on = asyncio.Event()

    async def send(message):
        sent.append(message)
        await may_go_on.wait()

    async def answering(notify):
        first, second = (asyncio.create_task(notify(text)) for text in (b"1", b"2"))
        while not sent:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        may_go_on.set()
        await asyncio.gather(first, second)
        return Reply(200, (), b"3")

    patient = PatientAnswer(asyncio.Event().wait, send, Patience(stream_after=60, keep_alive=60), may_stream=True)  # type: ignore[arg-type]
    assert await patient.of(answering) is None
    assert [message.get("body") for message in sent] == [None, event(b"1"), event(b"2"), event(b"3")]
    assert [message.get("more_body") for message in sent] == [None, True, True, False]
