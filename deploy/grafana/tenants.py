"""The dashboard of tenants and quotas: capacity, quota left, and access of each tenant."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.parts import Panel, Query, Row, build
from deploy.grafana.promql import CONNECTION, rate, series
from deploy.grafana.shared import FILLED, RED

_FULL = ((0.8, "orange"), (0.95, "red"))

ROWS = [
    Row(
        "How full are they?",
        [
            Panel(
                "Capacity used",
                "All active indicators of each Defender tenant, as a share of its limit of 15,000.",
                (
                    Query(
                        f"max by (connection) ({series('capacity_used', CONNECTION)}"
                        f" / {series('capacity_limit', CONNECTION)})",
                        "{{connection}}",
                    ),
                ),
                "percentunit",
                kind="bars",
                most=1,
                levels=_FULL,
            ),
            Panel(
                "Lists filled",
                "Size of each list and destination profile as a share of its configured limit.",
                FILLED,
                "percentunit",
                kind="bars",
                most=1,
                levels=_FULL,
            ),
            Panel(
                "URL lists of each tenant",
                "Entries of all URL lists of a type together, as a share of the tenant's limit.",
                (
                    Query(
                        f"max by (connection, match) ({series('tenant_entries', CONNECTION)} / "
                        f"{series('tenant_entries_limit', CONNECTION)})",
                        "{{connection}} {{match}}",
                    ),
                ),
                "percentunit",
                kind="bars",
                most=1,
                levels=_FULL,
            ),
            Panel(
                "Held by tenant limits",
                "Indicators held because all URL lists of a type together have reached the tenant's limit.",
                (
                    Query(
                        f"max by (connection, match) ({series('tenant_entries_held', CONNECTION)})",
                        "{{connection}} {{match}}",
                    ),
                ),
                "short",
            ),
            Panel(
                "Entries by state",
                "Desired, applied, pending, rejected, skipped, held and failed entries of each tenant.",
                (Query(f"sum by (connection, state) ({series('entries', CONNECTION)})", "{{connection}} {{state}}"),),
                "short",
            ),
            Panel(
                "Size of lists",
                "Bytes of each list as last written.",
                (
                    Query(
                        f"max by (connection, target) ({series('list_bytes', CONNECTION)})", "{{connection}} {{target}}"
                    ),
                ),
                "bytes",
            ),
        ],
    ),
    Row(
        "Quotas",
        [
            Panel(
                "Budget left",
                "Calls left in each quota window, as a share of what it allows. The window's length is in seconds.",
                (
                    Query(
                        f"min by (connection, bucket, window) ({series('budget_left', CONNECTION)}"
                        f" / {series('budget_limit', CONNECTION)})",
                        "{{connection}} {{bucket}} {{window}} s",
                    ),
                ),
                "percentunit",
                most=1,
            ),
            Panel(
                "Waiting for quota",
                "Share of time that calls wait for their quota, by bucket.",
                (
                    Query(
                        rate("budget_wait_seconds_total", "connection", "bucket", where=(CONNECTION,)),
                        "{{connection}} {{bucket}}",
                    ),
                ),
                "percentunit",
            ),
        ],
    ),
    Row(
        "Can we sign in?",
        [
            Panel(
                "Breakers",
                "Whether each tenant is called: 0 yes (closed), 1 one trial call (half-open), 2 no (open).",
                (
                    Query(
                        f"max by (connection, service) ({series('breaker_state', CONNECTION)})",
                        "{{connection}} {{service}}",
                    ),
                ),
                "short",
                kind="bars",
                width=6,
                most=2,
                levels=((1, "orange"), (2, "red")),
            ),
            Panel(
                "Workers that fail",
                "Unexpected failures in a row of each connection's worker. It restarts automatically.",
                (
                    Query(
                        f"max by (connection, service) ({series('worker_failures', CONNECTION)}) or vector(0)",
                        "{{connection}} {{service}}",
                    ),
                ),
                "short",
                kind="bars",
                width=6,
                levels=((1, "orange"), (3, "red")),
            ),
            Panel(
                "Credentials refused",
                "Calls a second refused because of the app, secret or token, by reason.",
                (
                    Query(
                        rate("credentials_refused_total", "connection", "reason", where=(CONNECTION,)),
                        "{{connection}} {{reason}}",
                    ),
                ),
                "reqps",
                width=6,
            ),
            Panel(
                "Secrets expire in",
                "Time until the secret expires, if the connection states `expires`: no vendor's API returns it.",
                (
                    Query(
                        f"min by (connection, secret) ({series('secret_expires_timestamp_seconds', CONNECTION)})"
                        " - time()",
                        "{{connection}} {{secret}}",
                    ),
                ),
                "s",
                kind="bars",
                width=6,
            ),
            Panel(
                "Certificate not checked",
                "Connections whose certificate is not checked: 1 means that others can read the traffic.",
                (Query(f"max by (connection) ({series('tls_unverified', CONNECTION)})", "{{connection}}"),),
                "short",
                width=6,
            ),
        ],
    ),
    RED,
]


def tenants() -> model.Dashboard:
    """The dashboard of tenants and quotas."""
    text = "How full is each tenant, how much quota is left, and can we sign in?"
    return build("tenants", "ioc-bridge / Tenants and quotas", text, ROWS, connections=True)
