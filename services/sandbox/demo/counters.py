"""Counts for the report: the metrics of the services, and the entries that pushers recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.desired import Applied, AppliedState
from schemas.note import RESERVED
from services.runtime.kafka.bulk_read import latest
from services.sandbox.exchange import Exchange

_PREFIX = "ioc_bridge_"
_WANTED: Mapping[str, tuple[str, ...]] = {
    "polls_total": ("connection", "outcome"),
    "pulled_total": ("connection",),
    "reports_total": ("connection", "verb"),
    "routed_total": ("outcome",),
    "desired_changes_total": ("connection", "verb"),
    "pushed_total": ("connection", "verb"),
    "skipped_total": ("service", "connection", "reason"),
}


@dataclass(slots=True)
class ServiceCounters:
    """Counters of all services, summed by the labels that matter, and the entries that are not applied."""

    counts: dict[str, Counter[tuple[str, ...]]] = field(default_factory=dict)
    unapplied: dict[str, dict[str, tuple[AppliedState, str, str]]] = field(default_factory=dict)
    """By destination and key: state, reason code and detail."""

    def of(self, metric: str, *labels: str) -> int:
        """Return the value of a counter, 0 if no service reports it."""
        return self.counts[metric][labels]

    def skipped(self) -> Counter[tuple[str, str]]:
        """Return skips by connection and reason, of all services."""
        found: Counter[tuple[str, str]] = Counter()
        for (_, connection, reason), count in self.counts["skipped_total"].items():
            found[connection, reason] += count
        return found


def listen(exchange: Exchange, destinations: Iterable[str]) -> ServiceCounters:
    """Read the metrics of every service, and the entries that the pushers recorded."""
    told = ServiceCounters({metric: Counter() for metric in _WANTED})
    for service in exchange.services.values():
        metrics = service.metrics()
        for metric, labels in _WANTED.items():
            for sample, value in metrics.get(_PREFIX + metric, ()):
                told.counts[metric][tuple(sample[label] for label in labels)] += int(value)
    for destination in destinations:
        told.unapplied[destination] = _unapplied(exchange, destination)
    return told


def _unapplied(exchange: Exchange, destination: str) -> dict[str, tuple[AppliedState, str, str]]:
    topic = exchange.settings.topics.applied(destination).name
    records = latest(exchange.settings, topic).items()
    entries = {key.decode(): Applied.decode(raw) for key, raw in records if not key.startswith(RESERVED)}
    return {
        key: (entry.state, entry.reason.code, entry.reason.detail)
        for key, entry in entries.items()
        if entry.state is not AppliedState.APPLIED and entry.reason
    }
