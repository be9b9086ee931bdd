"""The dashboard of the pushers: whether desired entries are applied, how long it takes, and what blocks them."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import CONNECTION, SCOPE, WINDOW, like, quantile, rate, series
from deploy.grafana.shared import FILLED, PROCESSES, RED, skips
from schemas.vendors.registry import PUSHERS

_BUCKET = f'ioc_bridge_converge_seconds_bucket{{{SCOPE}, {CONNECTION}, le="60.0"}}'
_GOOD = f"sum(rate({_BUCKET}{WINDOW}))"


def _state(*states: str) -> str:
    return f"sum by (connection, state) ({series('entries', CONNECTION, like('state', *states))})"


_NAMES = [service.name for service in PUSHERS]

ROWS = [
    Row(
        "Is it applied?",
        [
            Panel(
                "Desired and applied",
                "Entries each tenant should have, and those it has.",
                (Query(_state("desired", "applied"), "{{connection}} {{state}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Not applied",
                "Entries still to be written, and those that cannot be: rejected, skipped, held or failed.",
                (Query(_state("pending", "rejected", "skipped", "held", "failed"), "{{connection}} {{state}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Oldest pending",
                "Age of the oldest reported change that is not applied yet.",
                (Query(f"max by (connection) ({series('oldest_pending_seconds', CONNECTION)})", "{{connection}}"),),
                "s",
                width=8,
            ),
        ],
    ),
    Row(
        "How long does it take?",
        [
            Panel(
                "From report to applied",
                "Time from the report of a change to its application at the other vendor.",
                (
                    Query(quantile(0.5, "converge_seconds", "connection", where=(CONNECTION,)), "{{connection}} half"),
                    Query(quantile(0.95, "converge_seconds", "connection", where=(CONNECTION,)), "{{connection}} 95 %"),
                ),
                "s",
                width=8,
            ),
            Panel(
                "Within a minute",
                "Share of changes applied within 60 s of their report: the objective is 99 %.",
                (Query(f"{_GOOD} / {rate('converge_seconds_count', where=(CONNECTION,))}", "share"),),
                "percentunit",
                width=8,
                most=1,
            ),
            Panel(
                "Written",
                "Entries written a second, by verb.",
                (Query(rate("pushed_total", "connection", "verb", where=(CONNECTION,)), "{{connection}} {{verb}}"),),
                "cps",
                width=8,
            ),
        ],
    ),
    Row(
        "What blocks it?",
        [
            Panel(
                "Drift",
                "Entries that differ from our records: lost (removed by other people), stray (ours, but not recorded).",
                (Query(rate("drift_total", "connection", "kind", where=(CONNECTION,)), "{{connection}} {{kind}}"),),
                "cps",
                width=8,
            ),
            Panel(
                "Held by a guard",
                "Entries in abnormal changes, held until a person confirms, by kind.",
                (
                    Query(
                        f"sum by (connection, kind) ({series('held', CONNECTION, like('kind', 'target_.+'))})",
                        "{{connection}} {{kind}}",
                    ),
                ),
                "short",
                width=8,
            ),
            Panel(
                "Size of lists",
                "Size of each list and destination profile as a share of its configured limit.",
                FILLED,
                "percentunit",
                width=8,
                most=1,
            ),
            Panel(
                "Deploys wait",
                "URL lists with pending changes of other people. Our deploy waits for them, and entries are held.",
                (Query(f"max by (connection) ({series('deploy_waits', CONNECTION)})", "{{connection}}"),),
                "short",
                width=8,
            ),
            skips(*_NAMES),
            Panel(
                "Waiting for quota",
                "Share of time that calls wait for their quota.",
                (Query(rate("budget_wait_seconds_total", "connection", where=(CONNECTION,)), "{{connection}}"),),
                "percentunit",
            ),
        ],
    ),
    RED,
    PROCESSES,
]


def pushers() -> model.Dashboard:
    """The dashboard of the pushers."""
    text = f"{' and '.join(_NAMES)}: are desired entries applied, how long does it take, what blocks them?"
    return build("pushers", "ioc-bridge / Pushers", text, ROWS, connections=True)
