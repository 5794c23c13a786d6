"""Deadlines fire once, never early, and not at all when they were called off."""

import asyncio
import gc
import weakref
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_gateway.kit.deadlines import TICK_SECONDS, Deadlines
from mcp_gateway.kit.request_facts import RequestFacts, begin_request, end_request, request_facts


class Loop:
    """As much of an event loop as deadlines need, with a clock that is turned by hand."""

    def __init__(self):
        self.now = 1000.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, seconds, callback, *, context):
        self.timers.append((self.now + seconds, partial(context.run, callback)))

    def advance(self, seconds):
        end = self.now + seconds
        while self.timers and min(self.timers, key=lambda timer: timer[0])[0] <= end:
            timer = min(self.timers, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = max(self.now, timer[0])
            timer[1]()
        self.now = end


def deadlines_of(loop: Any) -> Deadlines:
    return Deadlines(loop)


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=40))
@settings(max_examples=200)
def test_each_deadline_fires_once_at_most_a_tick_late_unless_called_off(plan):
    loop = Loop()
    deadlines = deadlines_of(loop)
    began, expected = loop.now, {}
    fired: dict[int, list[float]] = {}

    def fire(number):
        fired.setdefault(number, []).append(loop.now - began)

    for number, (seconds, is_off) in enumerate(plan):
        deadline = deadlines.set(loop.now + seconds, partial(fire, number))
        if is_off:
            deadlines.call_off(deadline)
        else:
            expected[number] = seconds
    loop.advance(40)
    assert fired.keys() == expected.keys()
    for number, seconds in expected.items():
        [at] = fired[number]
        assert seconds <= at <= seconds + 2 * TICK_SECONDS + 1e-6


def test_nothing_ticks_where_nothing_waits():
    loop = Loop()
    deadlines = deadlines_of(loop)
    deadlines.call_off(deadlines.set(loop.now + 25, lambda: None))
    loop.advance(2 * TICK_SECONDS)
    assert loop.timers == []
    fired: list[float] = []
    deadlines.set(loop.now + 1, lambda: fired.append(loop.now))
    loop.advance(2)
    assert len(fired) == 1
    assert loop.timers == []


def test_calling_off_late_changes_nothing():
    loop = Loop()
    deadlines = deadlines_of(loop)
    fired: list[int] = []
    deadline = deadlines.set(loop.now + 1, lambda: fired.append(1))
    loop.advance(2)
    deadlines.call_off(deadline)
    assert fired == [1]


def test_deadline_may_be_called_off_by_another_of_the_same_moment():
    """What an answer settles in the last moment must not fail whoever uses its connection next."""
    loop = Loop()
    deadlines = deadlines_of(loop)
    fired: list[int] = []

    def first():
        fired.append(1)
        deadlines.call_off(second)

    deadlines.set(loop.now + 1, first)
    second = deadlines.set(loop.now + 1, lambda: fired.append(2))
    loop.advance(2)
    assert fired == [1]


def test_deadline_that_fails_keeps_no_other_from_its_time():
    loop = Loop()
    deadlines = deadlines_of(loop)
    fired: list[int] = []
    deadlines.set(loop.now + 1, lambda: 1 / 0)
    deadlines.set(loop.now + 1, lambda: fired.append(2))
    with pytest.raises(ZeroDivisionError):
        loop.advance(2)
    loop.advance(1)
    assert fired == [2]
    assert loop.timers == []


def test_deadline_runs_in_no_request():
    loop = Loop()
    deadlines = deadlines_of(loop)
    seen: list[str | None] = []
    before = begin_request(RequestFacts("a"))
    deadlines.set(loop.now + 1, lambda: seen.append(request_facts().request_id))
    loop.advance(2)
    end_request(before)
    assert seen == [None]


def test_loop_has_its_own_deadlines_and_is_not_kept_by_them():
    loop = asyncio.new_event_loop()
    assert Deadlines.of(loop) is Deadlines.of(loop)
    kept = weakref.ref(loop)
    loop.close()
    del loop
    gc.collect()
    assert kept() is None
