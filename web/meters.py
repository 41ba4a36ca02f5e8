"""Prometheus metrics: what serving processes have counted, and how the installation stands at a scrape.

Labels are names of connections and organisations, and kinds: never a customer, never what a stranger sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from sync.store import gauges
from sync.store.connections import ConnectionState
from sync.store.gauges import ConnectionGauge, Gauges
from sync.store.session import Database

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
METERS = "meters"
"""In the folder that processes share, the one of their meters."""
_OF = ("organisation", "connection")


class Meters:
    """The metrics of one application: several in a process do not share what they counted.

    Args:
        database: what the gauges are read from.
        shared: where processes that serve together count, each in a file of its own. The library does so if
            `MULTIPROCESS` names the same folder as it is imported.
    """

    def __init__(self, database: Database, shared: Path | None = None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Stored(database))
        if shared is not None:
            MultiProcessCollector(self._registry, path=str(shared))  # type: ignore[no-untyped-call]
        own = self._registry if shared is None else None
        self._deliveries = Counter(
            "concord_webhook_deliveries",
            "Deliveries that were answered.",
            ("connector", "outcome"),
            registry=own,
        )
        self._seconds = Histogram(
            "concord_webhook_answer_seconds",
            "From the first byte of a delivery's head to its answer.",
            ("connector",),
            buckets=BUCKETS,
            registry=own,
        )

    def delivered(self, connector: str, outcome: str, seconds: float) -> None:
        """Count one delivery."""
        self._deliveries.labels(connector, outcome).inc()
        self._seconds.labels(connector).observe(seconds)

    def scrape(self) -> bytes:
        """All of it as text. It reads the database: call it in a thread.

        Raises:
            StoreError: the database cannot be used.
        """
        return generate_latest(self._registry)


class _Stored(Collector):
    """What stands in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not read the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One look."""
        with self._database.reading() as tx:
            found = gauges.read(tx)
        return [*_jobs(found), *_connections(found.connections), *_counted(found)]


def _jobs(found: Gauges) -> Iterable[Metric]:
    for name, text in (
        ("open", "Jobs that are not done."),
        ("due", "Jobs of active connections whose time has come."),
        ("dead", "Jobs that were given up."),
    ):
        values = [((each.kind,), getattr(each, name)) for each in found.jobs]
        yield _gauge(f"concord_jobs_{name}", text, ("kind",), values)
    oldest = max((each.oldest for each in found.jobs), default=0.0)
    yield _gauge("concord_job_oldest_due_seconds", "Age of the oldest job that is due.", (), [((), oldest)])


def _connections(found: Sequence[ConnectionGauge]) -> Iterable[Metric]:
    states = [((state.value,), sum(each.state == state for each in found)) for state in ConnectionState]
    yield _gauge("concord_connections", "Connections by state.", ("state",), states)
    for name, text, values in (
        ("looked_seconds", "Since the last look at the CRM.", [each.looked for each in found]),
        ("compared_seconds", "Since the last full compare.", [each.compared for each in found]),
        ("drift", "Records that it found changed, unannounced.", [each.drift for each in found]),
        ("calls_today", "Calls handed out from the daily budget.", [each.calls_today for each in found]),
    ):
        known = [(_of(each), value) for each, value in zip(found, values, strict=True) if value is not None]
        yield _gauge(f"concord_connection_{name}", text, _OF, known)


def _of(each: ConnectionGauge) -> Sequence[str]:
    return each.organisation, each.connection


def _counted(found: Gauges) -> Iterable[Metric]:
    for name, text, labels, counts in (
        ("links", "Links by state.", (*_OF, "state"), found.links),
        ("open_conflicts", "Open rows of the queue.", (*_OF, "kind"), found.conflicts),
        ("runs_last_day", "Runs that began in the last 24 hours.", ("kind", "state"), found.runs),
    ):
        yield _gauge(f"concord_{name}", text, labels, [(each.labels, each.count) for each in counts])


def _gauge(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> Metric:
    made = GaugeMetricFamily(name, text, labels=labels)
    for names, value in values:
        made.add_metric(list(names), value)
    return made
