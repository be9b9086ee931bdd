"""Are we converged? For whoever is on call, in five seconds: one word, then what it is made of, then who is behind."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import by_service, increase, like, quantile, rate, series

_PENDING = f"sum({series('entries', like('state', 'pending'))})"
_LAG = f"max({series('lag_seconds')})"
_POLL_AGE = f"time() - {series('last_poll_timestamp_seconds')}"
_POLLED = f"min({_POLL_AGE} < bool 3 * {series('poll_interval_seconds')} + 60)"
_RED_FROM_ONE = ((1, "red"),)

ROWS = [
    Row(
        "Are we converged?",
        [
            Panel(
                "Converged",
                "YES: nothing is pending at any tenant, the router is less than a minute behind, and every tenant was "
                "polled in time. NO: one of the three, all of which stand to the right.",
                (Query(f"({_PENDING} == bool 0) * ({_LAG} < bool 60) * {_POLLED}"),),
                "short",
                kind="stat",
                width=6,
                words=(("1", "YES", "green"), ("0", "NO", "red")),
            ),
            Panel(
                "Entries pending",
                "Entries still to be written, withdrawn or tried again, at all tenants.",
                (Query(_PENDING),),
                "short",
                kind="stat",
                width=6,
                levels=((1, "orange"),),
            ),
            Panel(
                "Oldest pending",
                "How long ago the oldest change was reported that has not reached its tenant.",
                (Query(f"max({series('oldest_pending_seconds')})"),),
                "s",
                kind="stat",
                width=6,
                levels=((300, "orange"), (3600, "red")),
            ),
            Panel(
                "Router is behind by",
                "Age of the oldest report that is not merged yet.",
                (Query(_LAG),),
                "s",
                kind="stat",
                width=6,
                levels=((60, "orange"), (600, "red")),
            ),
        ],
    ),
    Row(
        "What needs a person",
        [
            Panel(
                "Held by a guard",
                "Entries held as abnormal until somebody confirms: see `ioc-bridge confirm`.",
                (Query(f"sum({series('held')})"),),
                "short",
                kind="stat",
                levels=_RED_FROM_ONE,
                width=4,
                height=4,
            ),
            Panel(
                "Held or rejected",
                "Entries that the vendor rejects, or that wait for room or for a person.",
                (Query(f"sum({series('entries', like('state', 'held|rejected'))})"),),
                "short",
                kind="stat",
                levels=((1, "orange"),),
                width=4,
                height=4,
            ),
            Panel(
                "Failing",
                "Entries that failed and will be tried again.",
                (Query(f"sum({series('entries', like('state', 'failed'))})"),),
                "short",
                kind="stat",
                levels=_RED_FROM_ONE,
                width=4,
                height=4,
            ),
            Panel(
                "Dead letters",
                "Records that could not be decoded, in the time shown.",
                (Query(f"{increase('dead_letters_total')} or vector(0)"),),
                "short",
                kind="stat",
                levels=_RED_FROM_ONE,
                width=4,
                height=4,
            ),
            Panel(
                "Credentials refused",
                "Calls refused for app, secret or token, in the time shown.",
                (Query(f"{increase('credentials_refused_total')} or vector(0)"),),
                "short",
                kind="stat",
                levels=_RED_FROM_ONE,
                width=4,
                height=4,
            ),
            Panel(
                "Behind the policy",
                "Partitions that are not evaluated for the newest policy yet.",
                (
                    Query(
                        f"sum({series('policy_applied_version')} < bool scalar(max({series('policy_version')})))"
                        " or vector(0)"
                    ),
                ),
                "short",
                kind="stat",
                levels=((1, "orange"),),
                width=4,
                height=4,
            ),
        ],
    ),
    Row(
        "Who is behind",
        [
            Panel(
                "Pending by tenant",
                "Entries still to be written, withdrawn or tried again.",
                (Query(f"sum by (connection) ({series('entries', like('state', 'pending'))})", "{{connection}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Age of the last good poll",
                "How long ago each tenant was last read.",
                (Query(f"max by (connection) ({_POLL_AGE})", "{{connection}}"),),
                "s",
                width=8,
            ),
            Panel(
                "Ready",
                "Processes that are ready, by service.",
                (Query(by_service(series("ready")), "{{service}}"),),
                "short",
                width=8,
            ),
            Panel(
                "From report to applied",
                "How long a change takes from being learnt to being at the other vendor.",
                (
                    Query(quantile(0.5, "converge_seconds"), "half"),
                    Query(quantile(0.95, "converge_seconds"), "95 %"),
                    Query(quantile(0.99, "converge_seconds"), "99 %"),
                ),
                "s",
                width=8,
            ),
            Panel(
                "Changes",
                "Reports learnt, and entries put and withdrawn, a second.",
                (
                    Query(rate("reports_total"), "reported"),
                    Query(rate("pushed_total", "verb"), "{{verb}}"),
                ),
                "cps",
                width=8,
            ),
            Panel(
                "Starts",
                "How often a process of each service began anew within 15 minutes.",
                (Query(by_service(f"changes({series('process_start_time_seconds')}[15m])"), "{{service}}"),),
                "short",
                width=8,
            ),
        ],
    ),
]


def overview() -> model.Dashboard:
    """The overview."""
    text = "Are we converged, and if not, who is behind and what needs a person?"
    return build("overview", "ioc-bridge / Overview", text, ROWS)
