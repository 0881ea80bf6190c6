"""What Prometheus reads."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.model = Gauge("goeswith_model_info", "The version that answers", ["version"], registry=self.registry)
        self.ready = Gauge("goeswith_ready", "1 while questions are answered", registry=self.registry)
        self.switches = Counter("goeswith_model_switches_total", "Versions put to work", registry=self.registry)

    def serve(self, version: str) -> None:
        self.model.clear()
        self.model.labels(version).set(1)

    def page(self) -> bytes:
        return generate_latest(self.registry)
