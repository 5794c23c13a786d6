"""Writes of one turn of the event loop leave at its end, in their order, each where it was meant to go."""

import asyncio
import gc
import weakref

from mcp_gateway.kit.cork import Cork


class Transport(asyncio.WriteTransport):
    def __init__(self, *, fails=False):
        super().__init__()
        self.written: list[bytes] = []
        self.fails = fails
        self.is_closed = False

    def is_closing(self):
        return self.is_closed

    def write(self, data):
        if self.fails:
            raise RuntimeError
        self.written.append(data)


async def test_writes_leave_behind_the_turn_they_were_made_in():
    cork, one, other = Cork.of(asyncio.get_running_loop()), Transport(), Transport()
    cork.write(one, b"1")
    cork.write(other, b"2")
    cork.write(one, b"3")
    assert one.written == []
    await asyncio.sleep(0)
    assert (one.written, other.written) == ([b"1", b"3"], [b"2"])


async def test_flush_writes_at_once_and_nothing_twice():
    cork, transport = Cork.of(asyncio.get_running_loop()), Transport()
    cork.write(transport, b"1")
    cork.flush()
    assert transport.written == [b"1"]
    await asyncio.sleep(0)
    assert transport.written == [b"1"]


async def test_closed_transport_is_not_written_to():
    cork, transport = Cork.of(asyncio.get_running_loop()), Transport()
    cork.write(transport, b"1")
    transport.is_closed = True
    await asyncio.sleep(0)
    assert transport.written == []


async def test_transport_that_fails_keeps_nothing_from_the_others():
    told = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))
    cork, broken, whole = Cork.of(loop), Transport(fails=True), Transport()
    cork.write(broken, b"1")
    cork.write(whole, b"2")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert whole.written == [b"2"]
    assert [type(exc) for exc in told] == [RuntimeError]


def test_loop_has_one_cork_and_is_not_kept_by_it():
    loop = asyncio.new_event_loop()
    assert Cork.of(loop) is Cork.of(loop)
    kept = weakref.ref(loop)
    loop.close()
    del loop
    gc.collect()
    assert kept() is None
