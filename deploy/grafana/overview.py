"""The overview for on-call staff: whether all is converged, the numbers behind that, and what lags behind."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Level, Panel, Query, Row, Word, build
from deploy.grafana.promql import by_service, increase, like, quantile, rate, series

_PENDING = f"sum({series('entries', like('state', 'pending'))})"
_LAG = f"max({series('lag_seconds')})"
_POLL_AGE = f"time() - {series('last_poll_timestamp_seconds')}"
_POLLED = f"min({_POLL_AGE} < bool 3 * {series('poll_interval_seconds')} + 60)"
_RED_FROM_ONE = ((1, "red"),)

_ORANGE_FROM_ONE = ((1, "orange"),)


def _asked(title: str, description: str, expr: str, levels: tuple[Level, ...] = _RED_FROM_ONE) -> Panel:
    """A number that needs a person when it is not 0."""
    return Panel(title, description, (Query(expr),), "short", kind="stat", levels=levels, width=4, height=4)


def _told(
    title: str, description: str, expr: str, unit: str, levels: tuple[Level, ...] = (), *, words: tuple[Word, ...] = ()
) -> Panel:
    """A number that the answer depends on."""
    return Panel(title, description, (Query(expr),), unit, kind="stat", width=6, levels=levels, words=words)


def _lines(title: str, description: str, unit: str, *queries: Query) -> Panel:
    """Lines by tenant, service or verb."""
    return Panel(title, description, queries, unit, width=8)


ROWS = [
    Row(
        "Are we converged?",
        [
            _told(
                "Converged",
                "YES: nothing is pending at any tenant, the router is less than a minute behind, and every tenant was "
                "polled in time. NO: at least one of the three fails; see the panels to the right.",
                f"({_PENDING} == bool 0) * ({_LAG} < bool 60) * {_POLLED}",
                "short",
                words=(("1", "YES", "green"), ("0", "NO", "red")),
            ),
            _told(
                "Entries pending",
                "Entries still to be written, withdrawn or tried again, at all tenants.",
                _PENDING,
                "short",
                _ORANGE_FROM_ONE,
            ),
            _told(
                "Oldest pending",
                "Age of the oldest reported change that has not reached its tenant.",
                f"max({series('oldest_pending_seconds')})",
                "s",
                ((300, "orange"), (3600, "red")),
            ),
            _told(
                "Router is behind by",
                "Age of the oldest report that is not merged yet.",
                _LAG,
                "s",
                ((60, "orange"), (600, "red")),
            ),
        ],
    ),
    Row(
        "What needs a person",
        [
            _asked(
                "Held by a guard",
                "Entries in abnormal changes, held until a person confirms: see `ioc-bridge confirm`.",
                f"sum({series('held')})",
            ),
            _asked(
                "Held or rejected",
                "Entries that the vendor rejects, or that wait for room or for a person.",
                f"sum({series('entries', like('state', 'held|rejected'))})",
                _ORANGE_FROM_ONE,
            ),
            _asked(
                "Failing",
                "Entries that failed and will be tried again.",
                f"sum({series('entries', like('state', 'failed'))})",
            ),
            _asked(
                "Dead letters",
                "Records that could not be decoded, in the time shown.",
                f"{increase('dead_letters_total')} or vector(0)",
            ),
            _asked(
                "Credentials refused",
                "Calls refused because of the app, secret or token, in the time shown.",
                f"{increase('credentials_refused_total')} or vector(0)",
            ),
            _asked(
                "Behind the policy",
                "Partitions not yet evaluated for the newest policy.",
                f"sum({series('policy_applied_version')} < bool scalar(max({series('policy_version')}))) or vector(0)",
                _ORANGE_FROM_ONE,
            ),
        ],
    ),
    Row(
        "What lags behind",
        [
            _lines(
                "Pending by tenant",
                "Entries still to be written, withdrawn or tried again.",
                "short",
                Query(f"sum by (connection) ({series('entries', like('state', 'pending'))})", "{{connection}}"),
            ),
            _lines(
                "Age of the last good poll",
                "How long ago each tenant was last read.",
                "s",
                Query(f"max by (connection) ({_POLL_AGE})", "{{connection}}"),
            ),
            _lines(
                "Ready",
                "Processes that are ready, by service.",
                "short",
                Query(by_service(series("ready")), "{{service}}"),
            ),
            _lines(
                "From report to applied",
                "Time from the report of a change to its application at the other vendor.",
                "s",
                Query(quantile(0.5, "converge_seconds"), "half"),
                Query(quantile(0.95, "converge_seconds"), "95 %"),
                Query(quantile(0.99, "converge_seconds"), "99 %"),
            ),
            _lines(
                "Changes",
                "Reports, and entries put and withdrawn, a second.",
                "cps",
                Query(rate("reports_total"), "reported"),
                Query(rate("pushed_total", "verb"), "{{verb}}"),
            ),
            _lines(
                "Starts",
                "Restarts of the processes of each service within 15 minutes.",
                "short",
                Query(by_service(f"changes({series('process_start_time_seconds')}[15m])"), "{{service}}"),
            ),
        ],
    ),
]


def overview() -> model.Dashboard:
    """The overview."""
    text = "Are we converged, and if not, what lags behind and what needs a person?"
    return build("overview", "ioc-bridge / Overview", text, ROWS)
