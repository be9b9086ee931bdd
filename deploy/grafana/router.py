"""The dashboard of the router: whether it keeps up, and whether all is evaluated for the newest policy."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import quantile, rate, series
from deploy.grafana.shared import PROCESSES, skips


def _per_partition(name: str, how: str = "max") -> tuple[Query, ...]:
    return (Query(f"{how} by (partition) ({series(name)})", "{{partition}}"),)


ROWS = [
    Row(
        "Does it keep up?",
        [
            Panel(
                "Behind, in time",
                "Age of the oldest report batch that is not merged yet, by partition.",
                _per_partition("lag_seconds"),
                "s",
                width=8,
            ),
            Panel(
                "Behind, in records",
                "Offsets not merged yet, by partition; a record is a batch of up to 500 reports.",
                _per_partition("lag_records"),
                "short",
                width=8,
            ),
            Panel(
                "Looked at",
                "Indicators a second, by result.",
                (Query(rate("routed_total", "outcome"), "{{outcome}}"),),
                "cps",
                width=8,
                stacked=True,
            ),
            Panel(
                "Time of a unit",
                "One unit of work, its transaction included.",
                (Query(quantile(0.5, "unit_seconds"), "half"), Query(quantile(0.95, "unit_seconds"), "95 %")),
                "s",
                width=8,
            ),
            Panel(
                "Desired changes",
                "Entries written for the pushers a second, by destination and verb.",
                (Query(rate("desired_changes_total", "connection", "verb"), "{{connection}} {{verb}}"),),
                "cps",
                width=8,
            ),
            skips("router"),
        ],
    ),
    Row(
        "Policy",
        [
            Panel(
                "Policy version applied",
                "The policy version each partition is evaluated for, beside the newest version.",
                (
                    Query(f"max by (partition) ({series('policy_applied_version')})", "{{partition}}"),
                    Query(f"max({series('policy_version')})", "newest"),
                ),
                "short",
                width=8,
            ),
            Panel(
                "Still to be evaluated",
                "Stored indicators still to be evaluated for the newest policy.",
                _per_partition("reevaluation_left"),
                "short",
                width=8,
            ),
            Panel(
                "Rules that cannot be evaluated",
                "Evaluations in which the expression of a rule or guard failed, since the policy changed.",
                (Query(f"sum by (rule) ({series('rule_failures')}) or vector(0)", "{{rule}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Evaluated again, and requests",
                "Stored indicators evaluated for a new policy, and queries started, a second.",
                (
                    Query(rate("reevaluated_total"), "evaluated"),
                    Query(rate("requests_total", "verb"), "asked: {{verb}}"),
                ),
                "cps",
                width=8,
            ),
        ],
    ),
    Row(
        "State",
        [
            Panel(
                "Stored indicators",
                "Indicators in the state of each partition.",
                _per_partition("stored_indicators"),
                "short",
                width=8,
                stacked=True,
            ),
            Panel(
                "Last take-over",
                "Time that the last take-over of partitions spent loading their state, by process.",
                (Query(f"max by (instance) ({series('recovery_seconds')})", "{{instance}}"),),
                "s",
                width=8,
            ),
            Panel(
                "Read on take-over",
                "Changelog records read a second when partitions change hands.",
                (Query(rate("recovered_records_total"), "records"),),
                "rps",
                width=8,
            ),
        ],
    ),
    PROCESSES,
]


def router() -> model.Dashboard:
    """The dashboard of the router."""
    text = "router: does it keep up, and is everything evaluated for the newest policy?"
    return build("router", "ioc-bridge / Router", text, ROWS)
