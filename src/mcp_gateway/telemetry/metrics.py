"""Prometheus metrics of one process; labels never hold an id, a token or a path as sent."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from mcp_gateway.telemetry.events import ToolCallFinished
from mcp_gateway.telemetry.series import Counts, CountSeries, Histograms, HistogramSeries

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 35.0)
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


class Metrics:
    """Counters, gauges and histograms with a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counts(
            "gateway_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._request_seconds = Histograms(
            "gateway_http_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self.registry
        )
        self._calls = Counts(
            "gateway_tool_calls", "Tool calls finished, by outcome", ["tool", "status"], registry=self.registry
        )
        self._callers_gone = Counter(
            "gateway_callers_gone",
            "Tool calls whose client did not wait for the answer",
            ["tool", "status"],
            registry=self.registry,
        )
        self._upstream_seconds = Histograms(
            "gateway_upstream_seconds", "Time of upstream requests", ["tool"], buckets=SECONDS, registry=self.registry
        )
        self._counted: dict[tuple[str, str, int], tuple[CountSeries, HistogramSeries]] = {}
        """Looking a series up by its labels costs more than counting; so each is looked up once."""
        self._called: dict[tuple[str, str], tuple[CountSeries, HistogramSeries]] = {}
        self._calls_lost = Counter(
            "gateway_tool_call_log_lost", "Tool calls that will not be in the log", registry=self.registry
        )
        self._limited = Counter(
            "gateway_limited", "Requests that met a limit of the gateway's own", ["limit"], registry=self.registry
        )
        self._misses = Counter(
            "gateway_credential_misses", "Tokens and keys that stood for nothing", registry=self.registry
        )
        self._streams = Gauge("gateway_sse_streams", "Event streams of HTTP+SSE open now", registry=self.registry)

    def request_finished(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request; `route` is a template."""
        request = (method, route, status)
        counted = self._counted.get(request)
        if counted is None:
            # Few by nature: what does not come from a short list is told as `other` or `unmatched`.
            count = self._requests.labels(method, route, str(status))
            counted = self._counted[request] = (count, self._request_seconds.labels(route))
        counted[0].value += 1
        counted[1].observe(seconds)

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """Count one tool call."""
        call = (event.tool, event.status)
        called = self._called.get(call)
        if called is None:
            called = self._called[call] = (self._calls.labels(*call), self._upstream_seconds.labels(event.tool))
        called[0].value += 1
        if event.caller_gone:
            self._callers_gone.labels(event.tool, event.status).inc()
        if event.upstream_status is not None:
            called[1].observe(event.upstream_seconds)

    def tool_calls_lost(self, count: int) -> None:
        """Count calls that could not be written into the log."""
        self._calls_lost.inc(count)

    def limit_met(self, limit: str) -> None:
        """Count a request that was turned away; `limit` is the kind of limit."""
        self._limited.labels(limit).inc()

    def credential_missed(self) -> None:
        """Count a token or key that stood for nothing."""
        self._misses.inc()

    def stream_opened(self) -> None:
        """Count an event stream in."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """Count it out."""
        self._streams.dec()

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
