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
