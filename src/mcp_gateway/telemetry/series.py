"""Counters and histograms whose series are plain numbers, and become samples only when they are asked for.

Each request counts four times. prometheus_client's own children take a lock and several calls for it, in case that
threads count; here only the event loop's thread does. What is exposed is the same, to the byte.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from mcp_gateway.kit.clock import SystemClock

_INFINITY = float("inf")
_CLOCK = SystemClock()


class CountSeries:
    """One series of a counter: add to `value`."""

    __slots__ = ("created", "value")

    def __init__(self) -> None:
        self.created = _CLOCK.now().timestamp()
        self.value = 0.0


class Counts(Collector):
    """A counter with labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry) -> None:
        self._about = (name, documentation)
        self._labels = labels
        self._series: dict[tuple[str, ...], CountSeries] = {}
        registry.register(self)

    def labels(self, *values: str) -> CountSeries:
        """The series of these values, made where it is missing."""
        return self._series.setdefault(values, CountSeries())

    def describe(self) -> Iterator[Metric]:
        """The names, for the registry."""
        yield CounterMetricFamily(*self._about, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """All samples."""
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for values, series in self._series.items():
            family.add_metric(values, series.value, created=series.created)
        yield family


class HistogramSeries:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "created", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are upper ones, rising, without infinity."""
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.created = _CLOCK.now().timestamp()
        self.total = 0.0

    def observe(self, amount: float) -> None:
        """Take a value down: in the first bucket whose bound is not below it."""
        self.total += amount
        self.counts[bisect_left(self._bounds, amount)] += 1


class Histograms(Collector):
    """A histogram with labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """`buckets` are upper bounds, rising, without infinity."""
        self._about = (name, documentation)
        self._labels = labels
        self._bounds = buckets
        self._series: dict[tuple[str, ...], HistogramSeries] = {}
        registry.register(self)

    def labels(self, *values: str) -> HistogramSeries:
        """The series of these values, made where it is missing."""
        return self._series.setdefault(values, HistogramSeries(self._bounds))

    def describe(self) -> Iterator[Metric]:
        """The names, for the registry."""
        yield HistogramMetricFamily(*self._about, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        """All samples; each bucket counts those below it too."""
        name, documentation = self._about
        family = HistogramMetricFamily(name, documentation, labels=self._labels)
        for values, series in self._series.items():
            below, buckets = 0, list[tuple[str, float]]()
            for bound, count in zip((*self._bounds, _INFINITY), series.counts, strict=True):
                below += count
                buckets.append((str(floatToGoString(bound)), float(below)))  # type: ignore[no-untyped-call]
            family.add_metric(values, buckets, series.total)
            family.add_sample(f"{name}_created", dict(zip(self._labels, values, strict=True)), series.created)
        yield family
