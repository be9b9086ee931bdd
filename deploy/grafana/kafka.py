"""The dashboard of Kafka as the services see it: lag, commit times, ownership and records that cannot be read.

Metrics of the brokers are part of the Kafka installation (Strimzi has its own dashboards).
"""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import by_service, quantile, rate, series

ROWS = [
    Row(
        "What waits",
        [
            Panel(
                "Reports not merged",
                "Offsets of `ioc.reports` not merged yet, by partition.",
                (Query(f"max by (partition) ({series('lag_records')})", "{{partition}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Age of what waits",
                "Age of the oldest report batch that is not merged yet, by partition.",
                (Query(f"max by (partition) ({series('lag_seconds')})", "{{partition}}"),),
                "s",
                width=8,
            ),
            Panel(
                "Transactions of the router",
                "Time from the start of a transaction to its commit.",
                (Query(quantile(0.5, "unit_seconds"), "half"), Query(quantile(0.99, "unit_seconds"), "99 %")),
                "s",
                width=8,
            ),
        ],
    ),
    Row(
        "What is written",
        [
            Panel(
                "Records written",
                "Reports, desired entries and outcomes a second.",
                (
                    Query(rate("reports_total"), "reports"),
                    Query(rate("desired_changes_total"), "desired"),
                    Query(rate("pushed_total"), "applied"),
                ),
                "wps",
                width=8,
            ),
            Panel(
                "Dead letters",
                "Undecodable records stored a second, by service and topic, and activity records that Kafka did not "
                "accept.",
                (
                    Query(rate("dead_letters_total", "service", "topic"), "{{service}} {{topic}}"),
                    Query(rate("activity_lost_total", "service"), "{{service}} activity lost"),
                ),
                "wps",
                width=8,
            ),
            Panel(
                "Stored in compacted topics",
                "Indicators that `ioc.indicators` holds, by partition.",
                (Query(f"max by (partition) ({series('stored_indicators')})", "{{partition}}"),),
                "short",
                width=8,
                stacked=True,
            ),
        ],
    ),
    Row(
        "Ownership",
        [
            Panel(
                "Connections by process",
                "Connections that each puller and pusher works for. They move when a process ends.",
                (Query(f"sum by (instance) ({series('leases_held')})", "{{instance}}"),),
                "short",
                width=8,
                stacked=True,
            ),
            Panel(
                "Partitions by process",
                "Partitions that each router owns.",
                (Query(f"count by (instance) ({series('stored_indicators')})", "{{instance}}"),),
                "short",
                width=8,
                stacked=True,
            ),
            Panel(
                "Policy version read",
                "Offset of `ioc.policy` read by each service. If lines stay apart, a service is not reading.",
                (Query(by_service(series("policy_version"), "min"), "{{service}}"),),
                "short",
                width=8,
            ),
            Panel(
                "Take-over",
                "Time that the last take-over spent reading the changelog, by process.",
                (Query(f"max by (instance) ({series('recovery_seconds')})", "{{instance}}"),),
                "s",
            ),
            Panel(
                "Ready",
                "Processes that are ready, by service. A process that waits for a topic is not ready.",
                (Query(by_service(series("ready")), "{{service}}"),),
                "short",
            ),
        ],
    ),
]


def kafka() -> model.Dashboard:
    """The dashboard of Kafka."""
    text = "Kafka as the services see it: lag, commit times, ownership, and records that cannot be read."
    return build("kafka", "ioc-bridge / Kafka", text, ROWS)
