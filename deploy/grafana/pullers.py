"""The dashboard of the pullers: whether every tenant is read in time, and what they report."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import CONNECTION, like, quantile, rate, series
from deploy.grafana.shared import PROCESSES, RED, skips
from schemas.vendors.registry import PULLERS

_AGE = "time() - max by (connection) ({})"

_NAMES = [service.name for service in PULLERS]

ROWS = [
    Row(
        "Polls",
        [
            Panel(
                "Age of the last good poll",
                "How long ago each tenant was last read, beside the longest time between two polls as configured.",
                (
                    Query(_AGE.format(series("last_poll_timestamp_seconds", CONNECTION)), "{{connection}}"),
                    Query(f"max by (connection) ({series('poll_interval_seconds', CONNECTION)})", "{{connection}} may"),
                ),
                "s",
                width=8,
            ),
            Panel(
                "Polls",
                "Polls a second, by outcome. A failed poll is repeated at growing intervals.",
                (
                    Query(
                        rate("polls_total", "connection", "outcome", where=(CONNECTION,)), "{{connection}} {{outcome}}"
                    ),
                ),
                "ops",
                width=8,
            ),
            Panel(
                "Duration of polls",
                "Time of one poll, publishing included: 95th percentile.",
                (Query(quantile(0.95, "poll_seconds", "connection", where=(CONNECTION,)), "{{connection}}"),),
                "s",
                width=8,
            ),
        ],
    ),
    Row(
        "What is reported",
        [
            Panel(
                "Read",
                "Rows and alerts read from the vendor a second. Defender's list is read whole at every poll.",
                (Query(rate("pulled_total", "connection", where=(CONNECTION,)), "{{connection}}"),),
                "rps",
                width=8,
            ),
            Panel(
                "Reported",
                "Reports published a second: new or changed indicators (update), and deleted ones (withdraw).",
                (Query(rate("reports_total", "connection", "verb", where=(CONNECTION,)), "{{connection}} {{verb}}"),),
                "cps",
                width=8,
            ),
            Panel(
                "Age of the checkpoint",
                "Time since the last new checkpoint of a source. Grows while a tenant has nothing new.",
                (Query(_AGE.format(series("checkpoint_timestamp_seconds", CONNECTION)), "{{connection}}"),),
                "s",
                width=8,
            ),
            skips(*_NAMES, "console"),
            Panel(
                "Pages set aside",
                "Unreadable pages of Netskope's iterators stored as dead letters, in 1 hour.",
                (
                    Query(
                        f"sum by (connection, route) (increase({series('pages_set_aside_total', CONNECTION)}[1h]))",
                        "{{connection}} {{route}}",
                    ),
                ),
                "short",
            ),
            Panel(
                "Held",
                "Withdrawals after a listing shrank abnormally, held until a person confirms.",
                (
                    Query(
                        f"sum by (connection) ({series('held', like('kind', 'listing_shrank'), CONNECTION)})",
                        "{{connection}}",
                    ),
                ),
                "short",
            ),
        ],
    ),
    RED,
    PROCESSES,
]


def pullers() -> model.Dashboard:
    """The dashboard of the pullers."""
    text = f"{' and '.join(_NAMES)}: is every tenant read in time, and what is reported?"
    return build("pullers", "ioc-bridge / Pullers", text, ROWS, connections=True)
