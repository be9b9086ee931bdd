"""The kinds of records there are, as they stand in paths: always in lower case (vendor-written clients)."""

from typing import Final

ALERT_KINDS: Final = (
    *("compromisedcredential", "content", "ctep", "c2", "device", "dlp", "ips", "malsite", "malware", "policy"),
    *("quarantine", "remediation", "securityassessment", "uba", "watchlist"),
)
EVENT_KINDS: Final = (
    *("alert", "application", "audit", "connection", "endpoint", "incident", "infrastructure", "network", "page"),
)


def streams_of(kind: str) -> tuple[str, ...]:
    """The iterators a record of this kind shows up in; an alert is in its own and in that of all alerts."""
    return (f"alerts/{kind}", "events/alert") if kind in ALERT_KINDS else (f"events/{kind}",)
