"""The table of metrics. No label holds personal data or grows with events or subscriptions."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from math import nan
from time import monotonic

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from bus.observe.bsn import masked

REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"gemeentebus_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"gemeentebus_{name}", text, labels, registry=REGISTRY)


class Timings(Collector):
    """A histogram of seconds, kept by one thread: prometheus_client's takes three locks each time.

    Every delivery is noted in one. A reading in between may miss the newest in a part of it.
    """

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = f"gemeentebus_{name}", text
        self._counts = [0] * (len(_SECONDS) + 1)
        self._sum = 0.0
        REGISTRY.register(self)

    def observe(self, seconds: float) -> None:
        """Take one in."""
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._sum += seconds

    @contextmanager
    def time(self) -> Iterator[None]:
        """Take in how long the block takes."""
        began = monotonic()
        try:
            yield
        finally:
            self.observe(monotonic() - began)

    @override
    def collect(self) -> Iterable[Metric]:
        """Give what was taken in, as Prometheus counts it: each bound with all below it."""
        bounds = [str(float(each)) for each in _SECONDS] + ["+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets, self._sum)


ProcessCollector(namespace="gemeentebus", registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

# API
EVENTS_PUBLISHED = _counter("events_published", "Events the log has taken", "domain")
EVENTS_REFUSED = _counter("events_refused", "Requests to publish that were refused", "status")
PROFILE_FINDINGS = _counter(
    "profile_findings", "What rules of the profile found", "domain", "source", "rule", "verdict"
)
CATALOGUE_FINDINGS = _counter(
    "catalogue_findings", "Events that do not keep to the catalogue", "domain", "verdict"
)
PUBLISH_SECONDS = Timings("publish_seconds", "From the request to the log's confirmation")
REQUESTS = _counter("requests", "HTTP requests but publishing", "method", "route", "status")
PULLED = _counter("events_pulled", "Events given to those who fetch them")
PULLS_OPEN = _gauge("pulls_open", "Long polls and streams that are open")
DIRECTORY_AGE = _gauge("directory_age_seconds", "Age of the catalogue and access in use")

# Dispatch
EVENTS_READ = _counter("events_read", "Events read by the streams", "topic")
ATTEMPTS = _counter("attempts", "Attempts answered, by the class of the outcome", "outcome")
WITHHELD = _counter("withheld", "Deliveries not sent because the right to read had ended")
DELIVERY_SECONDS = Timings("delivery_seconds", "From the log's timestamp to the acknowledgement")
IN_FLIGHT = _gauge("in_flight", "Requests to sinks without an answer yet")
WINDOW_EVENTS = _gauge("window_events", "Events admitted and not settled, in all windows")
MEMBERS = _gauge("members", "Subscriptions per mode, summed over partitions", "mode")
SAVES = _counter("saves", "Saves of positions", "result")
SAVE_SECONDS = Timings("save_seconds", "Duration of a save")
ROWS_SAVED = _counter("rows_saved", "Position rows written or deleted", "act")
ATTEMPTS_NOT_KEPT = _counter("attempts_not_kept", "Attempts too many to be kept for look-up")
PARKED_SAVED = _counter("parked", "Events written as parked")
DEAD_LETTERS = _counter("dead_letters", "Events given up, by reason", "reason")
INVALID_RECORDS = _counter("invalid_records", "Records of the log that are no CloudEvent", "topic")
SCANNED = _counter("events_scanned", "Events read by scans")
GAPS = _counter("gaps", "Times that the log had lost what somebody waited for")
FENCED = _counter("fenced", "Writes refused because another worker owns the partition")

# Chores, which one dispatcher of all does
NOTICES = _counter("notices", "Events that the bus published of itself", "type")
SUBSCRIPTIONS_BEHIND = _gauge("subscriptions_behind", "Subscriptions told to be behind")
TIME_TO_LOSS = _gauge(
    "time_to_loss_seconds", "Until the log may lose what an active subscription waits for"
)
TIME_TO_LOSS.set(nan)  # 0 would be an alarm of every process that does not do the chores
ROWS_TIDIED = _counter("rows_tidied", "Rows removed since nobody needs them any more", "table")
CHORES_FAILED = _counter("chores_failed", "Chores that did not succeed", "chore")

# Log clients
CLIENTS_RECREATED = _counter("clients_recreated", "Kafka clients that stood still", "client")

# Relay
RELAY_ROWS = _counter("relay_rows", "Outbox rows that the log has", "outbox")
RELAY_REFUSED = _counter("relay_refused", "Outbox rows that can never be published", "outbox")
RELAY_BACKLOG = _gauge("relay_backlog_seconds", "Age of the oldest outbox row", "outbox")
RELAY_WAITING = _gauge("relay_waiting_rows", "Outbox rows that wait, up to 100,000", "outbox")


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule of the profile found in events of one source."""

    source: str
    rule: str
    verdict: str
    count: int


class ProfileFindings:
    """Counts what rules of the profile find, by domain and source, since this process started.

    Past `limit` combinations a source is counted as `other`; what may be a BSN in it is masked.
    """

    def __init__(self, limit: int = 2_000) -> None:
        self._limit = limit
        self._counts: dict[tuple[str, str, str, str], int] = {}

    def count(self, domain: str, source: str, rule: str, verdict: str, times: int = 1) -> None:
        """Count a finding, in so many events."""
        key = (domain, masked(source), rule, verdict)
        if key not in self._counts and len(self._counts) >= self._limit:
            key = (domain, "other", rule, verdict)
        self._counts[key] = self._counts.get(key, 0) + times
        PROFILE_FINDINGS.labels(*key).inc(times)

    def of(self, domain: str) -> list[Found]:
        """Give what was found in a domain, the most frequent first."""
        found = [Found(*key[1:], n) for key, n in self._counts.items() if key[0] == domain]
        return sorted(found, key=lambda each: -each.count)


def render() -> bytes:
    """Return every metric in Prometheus' text format."""
    return generate_latest(REGISTRY)


def serve(host: str, port: int) -> None:
    """Answer `/metrics` on a thread of its own, for the roles without HTTP; port 0 does nothing."""
    if port:
        start_http_server(port, host, registry=REGISTRY)
