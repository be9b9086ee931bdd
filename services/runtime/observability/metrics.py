"""All metrics: name, labels, meaning. The reference page is made from `DEFINITIONS`.

Invariant: labels are connection names, fixed vocabularies, partitions and reason codes; never a value, a URL or an id.
A process drops the gauges of what it no longer works for (`forget`), so that only one replica reports them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram, Info

PREFIX = "ioc_bridge_"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a metric, for the reference page and the tests of manifests and dashboards."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    services: str


DEFINITIONS: list[Definition] = []
_GAUGES: list[tuple[Gauge, tuple[str, ...]]] = []


def _define(kind: Kind, name: str, meaning: str, labels: Sequence[str], services: str) -> tuple[str, str, list[str]]:
    DEFINITIONS.append(Definition(PREFIX + name, kind, tuple(labels), meaning, services))
    return PREFIX + name, meaning, list(labels)


def _counter(name: str, meaning: str, *labels: str, services: str) -> Counter:
    return Counter(*_define("counter", name, meaning, labels, services))


def _gauge(name: str, meaning: str, *labels: str, services: str) -> Gauge:
    gauge = Gauge(*_define("gauge", name, meaning, labels, services))
    _GAUGES.append((gauge, labels))
    return gauge


def _histogram(name: str, meaning: str, *labels: str, services: str) -> Histogram:
    return Histogram(*_define("histogram", name, meaning, labels, services), buckets=SECONDS)


def _info(name: str, meaning: str, *facts: str) -> Info:
    # The client adds the suffix `_info` itself and takes the labels from the values.
    defined, _, _ = _define("info", name, meaning, facts, "all")
    return Info(defined.removesuffix("_info"), meaning)


def forget(label: str, value: str) -> None:
    """Drop the gauges of a connection or partition that this process no longer works for. Counters stay."""
    for gauge, labels in _GAUGES:
        if label in labels:
            gauge.remove_by_labels({label: value})


def counted(counter: Counter, **labels: str) -> float:
    """Return the sum of a counter of this process over samples with these labels."""
    samples = [sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


VENDOR_FACING = "pullers, pushers"

# Every service
BUILD = _info("build_info", "Version of the running build and which service it is.", "version", "service")
READY = _gauge("ready", "1 while the service answers ready, else 0.", services="all")
SKIPPED = _counter("skipped_total", "Items skipped, by reason.", "service", "connection", "reason", services="all")
DEAD_LETTERS = _counter(
    "dead_letters_total", "Undecodable records kept as dead letters.", "service", "topic", services="all"
)
ACTIVITY_LOST = _counter(
    "activity_lost_total", "Activity records that Kafka did not take; each was logged.", "service", services="all"
)
POLICY_VERSION = _gauge("policy_version", "Version of the policy the service has read.", services="all")
LEASES = _gauge("leases_held", "Connections this process works for.", services=VENDOR_FACING)

HELD = _gauge(
    "held",
    "Entries held as abnormal until a person confirms, by kind (listing_shrank, target_would_shrink, "
    "target_would_surge).",
    "connection",
    "kind",
    services=VENDOR_FACING,
)

BREAKER = _gauge(
    "breaker_state",
    "Whether a connection's vendor is called: 0 yes (closed), 1 one trial (half-open), 2 not for a while (open).",
    "service",
    "connection",
    services=VENDOR_FACING,
)

WORKER_FAILURES = _gauge(
    "worker_failures",
    "How often in a row the worker of a connection failed unexpectedly and was started again; 0 while it works.",
    "service",
    "connection",
    services=VENDOR_FACING,
)

# Calls to vendors
VENDOR_CALLS = _counter(
    "vendor_calls_total",
    "Answered calls, by route and status.",
    "connection",
    "route",
    "status",
    services=VENDOR_FACING,
)
VENDOR_CALL_SECONDS = _histogram(
    "vendor_call_seconds", "Time of one call, each retry by itself.", "connection", "route", services=VENDOR_FACING
)
VENDOR_CALL_ERRORS = _counter(
    "vendor_call_errors_total",
    "Calls without an answer, by kind.",
    "connection",
    "route",
    "error",
    services=VENDOR_FACING,
)
VENDOR_RETRIES = _counter(
    "vendor_retries_total", "Calls that failed and are made again.", "connection", "route", services=VENDOR_FACING
)
BUDGET_LEFT = _gauge(
    "budget_left",
    "Calls left in a quota window, in seconds of window.",
    "connection",
    "bucket",
    "window",
    services=VENDOR_FACING,
)
BUDGET_LIMIT = _gauge(
    "budget_limit",
    "Calls that a quota window allows, in seconds of window.",
    "connection",
    "bucket",
    "window",
    services=VENDOR_FACING,
)
BUDGET_WAIT_SECONDS = _counter(
    "budget_wait_seconds_total", "Time spent waiting for quota.", "connection", "bucket", services=VENDOR_FACING
)
CREDENTIALS_REFUSED = _counter(
    "credentials_refused_total",
    "Calls that failed because of app, secret or token, by reason (missing, expired, refused, unauthorized, "
    "forbidden).",
    "connection",
    "reason",
    services=VENDOR_FACING,
)
SECRET_EXPIRES = _gauge(
    "secret_expires_timestamp_seconds",
    "When a secret expires, as the connection states it in `expires`; no vendor's API reports it.",
    "connection",
    "secret",
    services=VENDOR_FACING,
)
TLS_UNVERIFIED = _gauge(
    "tls_unverified", "1 while a connection's certificate is not checked.", "connection", services=VENDOR_FACING
)

# What tenants hold
CAPACITY_USED = _gauge(
    "capacity_used",
    "Active indicators of the tenant when it was last listed, including those of others.",
    "connection",
    services="pull_defender, push_defender",
)
CAPACITY_LIMIT = _gauge(
    "capacity_limit",
    "Active indicators that the vendor lets a tenant have.",
    "connection",
    services="pull_defender, push_defender",
)

# Pullers
POLLS = _counter("polls_total", "Polls, by outcome (ok, error).", "connection", "outcome", services="pullers")
POLL_SECONDS = _histogram("poll_seconds", "Time of one poll.", "connection", services="pullers")
LAST_POLL = _gauge("last_poll_timestamp_seconds", "When the last good poll ended.", "connection", services="pullers")
POLL_INTERVAL = _gauge(
    "poll_interval_seconds", "Longest time between two polls, as configured.", "connection", services="pullers"
)
CHECKPOINT = _gauge(
    "checkpoint_timestamp_seconds",
    "When the checkpoint of a source was last written. Does not advance while a tenant has nothing new.",
    "connection",
    services="pullers",
)
VENDOR_ROWS_ODD = _counter(
    "vendor_rows_odd_total",
    "Rows of vendors' answers that are not as documented, each time they are read: `field` (read in part) or `row` "
    "(skipped).",
    "connection",
    "route",
    "reason",
    services="pushers",
)
PAGES_SET_ASIDE = _counter(
    "pages_set_aside_total",
    "Pages of an iterator that could not be read and are kept as dead letters.",
    "connection",
    "route",
    services="pull_netskope",
)
PULLED = _counter("pulled_total", "Rows or alerts read from the vendor.", "connection", services="pullers")
REPORTED = _counter("reports_total", "Reports published, by verb.", "connection", "verb", services="pullers, console")

# Router
ROUTED = _counter(
    "routed_total",
    "Indicators processed, by outcome: changed or unchanged by a report, echo (the source read what we wrote there), "
    "superseded (a replayed report that is older than the source's latest), forgotten (inactive for long), unreadable "
    "(its stored record is kept as a dead letter).",
    "outcome",
    services="router",
)
DESIRED = _counter(
    "desired_changes_total",
    "Desired entries written, by verb (put, withdraw, release).",
    "connection",
    "verb",
    services="router",
)
RULE_FAILURES = _gauge(
    "rule_failures",
    "Evaluations in which the expression of a rule or guard failed, since the last policy change or process start.",
    "rule",
    services="router",
)
UNIT_SECONDS = _histogram("unit_seconds", "Time of one unit of work, transaction included.", services="router")
LAG_RECORDS = _gauge(
    "lag_records",
    "Offsets of report batches that are not merged yet, including transaction markers between them.",
    "partition",
    services="router",
)
LAG_SECONDS = _gauge(
    "lag_seconds", "Age of the oldest report batch that is not merged yet.", "partition", services="router"
)
STORED = _gauge("stored_indicators", "Indicators in the state of an owned partition.", "partition", services="router")
RECOVERY_SECONDS = _gauge("recovery_seconds", "Time that the last take-over took to load state.", services="router")
RECOVERED = _counter("recovered_records_total", "Changelog records read on take-over.", services="router")
REEVALUATED = _counter("reevaluated_total", "Stored indicators re-evaluated for a new policy.", services="router")
REEVALUATION_LEFT = _gauge(
    "reevaluation_left",
    "Stored indicators that are not yet evaluated for the newest policy.",
    "partition",
    services="router",
)
REQUESTS = _counter("requests_total", "Requests started, by verb, once for each partition.", "verb", services="router")
POLICY_APPLIED = _gauge(
    "policy_applied_version", "Policy version that a partition is evaluated for.", "partition", services="router"
)

# Pushers
ENTRIES = _gauge(
    "entries",
    "Entries by state (desired, applied, pending, rejected, skipped, held, failed).",
    "connection",
    "state",
    services="pushers",
)
PUSHED = _counter("pushed_total", "Entries written, by verb (put, withdraw).", "connection", "verb", services="pushers")
CONVERGE_SECONDS = _histogram(
    "converge_seconds", "Time from the report of a change until it is applied.", "connection", services="pushers"
)
OLDEST_PENDING = _gauge(
    "oldest_pending_seconds", "Age of the report behind the oldest pending entry.", "connection", services="pushers"
)
DRIFT = _counter(
    "drift_total",
    "Entries at the tenant that differ from our records, by kind: lost (removed by others), stray (an orphan: ours, "
    "but not desired), strays_kept (too many orphans at once to be deleted).",
    "connection",
    "kind",
    services="pushers",
)
DEPLOY_WAITS = _gauge(
    "deploy_waits",
    "URL lists with pending changes of other people that our deploy waits for.",
    "connection",
    services="push_netskope",
)
LIST_BYTES = _gauge("list_bytes", "Size of a list as last written.", "connection", "target", services="push_netskope")
LIST_BYTES_LIMIT = _gauge(
    "list_bytes_limit",
    "Size up to which a list is filled; below the vendor's limit.",
    "connection",
    "target",
    services="push_netskope",
)
TENANT_ENTRIES = _gauge(
    "tenant_entries",
    "Entries of all URL lists of a tenant together as last read or written, those of other people included, by type "
    "of list (exact, regex).",
    "connection",
    "match",
    services="push_netskope",
)
TENANT_ENTRIES_LIMIT = _gauge(
    "tenant_entries_limit",
    "Entries that all URL lists of a type may hold together.",
    "connection",
    "match",
    services="push_netskope",
)
TENANT_ENTRIES_HELD = _gauge(
    "tenant_entries_held",
    "Indicators that are held because the URL lists of the tenant hold as many entries together as they may.",
    "connection",
    "match",
    services="push_netskope",
)
PROFILE_VALUES = _gauge(
    "profile_values",
    "Values of a destination profile as last read or written, including those of others.",
    "connection",
    "target",
    services="push_netskope",
)
PROFILE_VALUES_LIMIT = _gauge(
    "profile_values_limit",
    "Values up to which a destination profile is filled: its own limit, or what other profiles leave of the tenant's.",
    "connection",
    "target",
    services="push_netskope",
)
