"""W3C trace context: what is taken, what is dropped, and what goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.kit.trace import TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("text", [f"00-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-more"])
def test_context_is_read(text):
    context = TraceContext.parse(text, "vendor=1,other=2")
    assert context == TraceContext(TRACE, SPAN, "01", "vendor=1,other=2")


@pytest.mark.requirement("meta.trace")
@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_broken_context_is_dropped(text):
    assert TraceContext.parse(text) is None


@pytest.mark.parametrize("state", [None, 5, "", "a=\n", "a=ü", "a" * 513])
def test_broken_state_is_dropped_and_the_context_kept(state):
    assert TraceContext.parse(f"00-{TRACE}-{SPAN}-00", state) == TraceContext(TRACE, SPAN, "00")


@pytest.mark.requirement("meta.trace")
def test_child_is_a_fresh_span_of_the_same_trace():
    parent = TraceContext(TRACE, SPAN, "01", "vendor=1")
    child = parent.child()
    assert (child.trace_id, child.flags, child.state) == (TRACE, "01", "vendor=1")
    assert child.span_id != SPAN
    assert TraceContext.parse(child.traceparent, child.state) == child


@given(st.text(), st.text())
def test_any_text_is_read_or_dropped(parent, state):
    context = TraceContext.parse(parent, state)
    assert context is None or TraceContext.parse(context.traceparent, context.state)
