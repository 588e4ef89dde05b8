"""Figures of the REST door for Prometheus: by template of the path, method and status; no person, no case, no address.

Several processes share the folder that ``PROMETHEUS_MULTIPROC_DIR`` names when this module is first imported; whichever
of them is asked tells the figures of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the lines, to say when a process began
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""


class Metrics:
    """The figures of one application. ``waiting`` counts the ledger's entries that wait for their place.

    ``folder`` is where several processes keep them together; without one, this process keeps its own.
    """

    def __init__(self, waiting: Callable[[], int], folder: Path | None = None) -> None:
        self._waiting = waiting
        self._folder = folder
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter(
            "guitu_requests", "Requests answered; status 0: the caller hung up", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "guitu_request_seconds", "Time to the end of an answer", labels, buckets=BUCKETS, registry=self._registry
        )

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route, method, status).observe(seconds)

    def text(self) -> bytes:
        """Everything in the text format of Prometheus. Raises what counting raises."""
        shown = CollectorRegistry()
        if self._folder is None:
            shown.register(_Of(lambda: iter(self._registry.collect())))
        else:
            MultiProcessCollector(shown, path=str(self._folder))  # type: ignore[no-untyped-call]
        shown.register(_Of(self._gauges))
        return generate_latest(shown)

    def _gauges(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "guitu_ledger_waiting", "Entries of the ledger that wait for their place", value=self._waiting()
        )


class _Of(Collector):
    """A collector that asks a function."""

    def __init__(self, ask: Callable[[], Iterator[object]]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[object]:  # type: ignore[override]
        """What the function gives."""
        return self._ask()

    def describe(self) -> list[object]:
        """Nothing is said before it is asked: registering must not count anything."""
        return []
