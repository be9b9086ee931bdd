"""Panels that several dashboards have: calls to vendors by rate, errors and duration, skips, and the process itself."""

from deploy.grafana.parts import Panel, Query, Row
from deploy.grafana.promql import CONNECTION, by_service, like, quantile, rate, series

RED = Row(
    "Calls to vendors",
    [
        Panel(
            "Calls",
            "Answered calls a second, by route and status.",
            (Query(rate("vendor_calls_total", "route", "status", where=(CONNECTION,)), "{{route}} {{status}}"),),
            "reqps",
            width=8,
        ),
        Panel(
            "Calls without an answer, and calls made again",
            "Calls that were cut off, timed out or not readable, by kind; repeated calls; malformed rows.",
            (
                Query(rate("vendor_call_errors_total", "route", "error", where=(CONNECTION,)), "{{route}} {{error}}"),
                Query(rate("vendor_retries_total", "route", where=(CONNECTION,)), "again: {{route}}"),
                Query(
                    rate("vendor_rows_odd_total", "route", "reason", where=(CONNECTION,)), "odd {{reason}}: {{route}}"
                ),
            ),
            "reqps",
            width=8,
        ),
        Panel(
            "Duration of calls",
            "Time of one call until its answer is read in full: 95th percentile by route.",
            (Query(quantile(0.95, "vendor_call_seconds", "route", where=(CONNECTION,)), "{{route}}"),),
            "s",
            width=8,
        ),
    ],
)

FILLED = tuple(
    Query(
        f"max by (connection, target) ({series(size, CONNECTION)} / {series(f'{size}_limit', CONNECTION)})",
        "{{connection}} {{target}}",
    )
    for size in ("list_bytes", "profile_values")
)
"""How full each list and destination profile is."""


def skips(*services: str) -> Panel:
    """What these services leave out, by reason."""
    chosen = like("service", *services)
    return Panel(
        "Skipped",
        "Indicators that are not shared, by reason. The activity log lists each one.",
        (Query(rate("skipped_total", "service", "reason", where=(chosen,)), "{{service}}: {{reason}}"),),
        "cps",
    )


PROCESSES = Row(
    "Processes",
    [
        Panel(
            "Memory",
            "Resident memory of each process.",
            (Query(by_service(series("process_resident_memory_bytes"), "max"), "{{service}}"),),
            "bytes",
        ),
        Panel(
            "Processor",
            "Cores in use, by service.",
            (Query(by_service(f"rate({series('process_cpu_seconds_total')}[$__rate_interval])"), "{{service}}"),),
            "short",
        ),
    ],
)
