"""Which hosts a tenant's indicators concern. Pure.

A domain concerns its host and everything below it; a URL the host that it names. Source: Microsoft, "Create indicators
for IPs and URLs/domains".
"""

from collections.abc import Iterable
from urllib.parse import urlsplit


def concerns(rows: Iterable[tuple[str, str]], host: str) -> bool:
    """Whether one of these rows (`indicatorType`, `indicatorValue`) blocks the front page of a host."""
    host = host.lower()
    for type_, value in rows:
        if type_ == "DomainName":
            if host == value.lower() or host.endswith(f".{value.lower()}"):
                return True
        elif type_ == "Url":
            url = urlsplit(value)
            if url.hostname == host and url.port in (None, 80, 443) and url.path in ("", "/") and not url.query:
                return True
        elif type_ == "IpAddress" and value == host:
            return True
    return False
