"""What is counted here is exposed as prometheus_client exposes its own counters and histograms."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from mcp_gateway.telemetry.metrics import SECONDS
from mcp_gateway.telemetry.series import Counts, Histograms

LABELS = ["tool", "status"]
VALUES = st.sampled_from(["get", "list"]), st.sampled_from(["ok", 'a "quoted"\nline'])
AMOUNTS = st.sampled_from([0.0, *SECONDS, 100.0]) | st.floats(0, 50)


@given(events=st.lists(st.tuples(*VALUES, AMOUNTS), max_size=30))
def test_series_are_exposed_as_those_of_the_library(events: list[tuple[str, str, float]]) -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    counter = Counter("gateway_calls", "Calls", LABELS, registry=theirs)
    histogram = Histogram("gateway_seconds", "Seconds", LABELS, buckets=SECONDS, registry=theirs)
    counts = Counts("gateway_calls", "Calls", LABELS, registry=ours)
    histograms = Histograms("gateway_seconds", "Seconds", LABELS, buckets=SECONDS, registry=ours)
    for tool, status, amount in events:
        counter.labels(tool, status).inc()
        histogram.labels(tool, status).observe(amount)
        counts.labels(tool, status).value += 1
        histograms.labels(tool, status).observe(amount)
    assert _exposed(ours) == _exposed(theirs)


def _exposed(registry: CollectorRegistry) -> str:
    """All of it but the moments at which the series were made."""
    return re.sub(r"(?m)(_created\{.*\}) .*$", r"\1", generate_latest(registry).decode())
