"""What Prometheus reads."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one service keep their counts, so that whoever is asked tells those of all."""


class Metrics:
    """The counts of a service."""

    def __init__(self) -> None:
        self.registry, self._version = CollectorRegistry(), ""
        self.seconds = Histogram(
            "goeswith_request_seconds", "Time to answer", ["method", "route", "status"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.answers = Counter(
            "goeswith_answers_total", "Answered products by source", ["verb", "source"], registry=self.registry
        )
        self.empty = Counter(
            "goeswith_empty_answers_total", "Answers without a product", ["verb"], registry=self.registry
        )
        self.events = Counter("goeswith_events_total", "Events told", ["status"], registry=self.registry)
        self.model = Gauge(
            "goeswith_model_info", "1 for the version that answers", ["version"], registry=self.registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self.ready = Gauge(
            "goeswith_ready", "1 while questions are answered", registry=self.registry, multiprocess_mode="livemin"
        )
        self.switches = Counter("goeswith_model_switches_total", "Versions put to work", registry=self.registry)

    def serve(self, version: str) -> None:
        if self._version and self._version != version:
            self.model.labels(self._version).set(0)
        self.model.labels(version).set(1)
        self._version = version

    def page(self) -> bytes:
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        every = CollectorRegistry()
        multiprocess.MultiProcessCollector(every)
        return generate_latest(every)
