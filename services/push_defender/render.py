"""Renders indicators for Defender, and finds those that it cannot take.

Sources: Microsoft, "Indicator resource type" (fields), "Create indicators for IPs and URLs/domains" (external addresses
only; all eight segments of an IPv6 address), "Overview of indicators" (actions by type). That labels beginning with `_`
are refused is seen in connectors. Where only the vendor knows, the vendor decides: a row it refuses is rejected.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from schemas.marker import marker
from schemas.moment import expiry, to_datetime
from schemas.record import Reason
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from services.runtime.reconciling.entry import Entry

APPLICATION: Final = "ioc-bridge"
TITLE_MOST: Final = 200
DESCRIPTION_MOST: Final = 1_000
"""Characters. The vendor's own limits are unconfirmed; connectors send more."""

TYPES: Final[dict[IndicatorType, str]] = {
    IndicatorType.URL: "Url",
    IndicatorType.DOMAIN: "DomainName",
    IndicatorType.IPV4: "IpAddress",
    IndicatorType.IPV6: "IpAddress",
    IndicatorType.MD5: "FileMd5",
    IndicatorType.SHA1: "FileSha1",
    IndicatorType.SHA256: "FileSha256",
}
_SEVERITIES: Final[dict[Severity, str]] = {
    Severity.UNKNOWN: "Informational",
    Severity.INFORMATIONAL: "Informational",
    Severity.LOW: "Low",
    Severity.MEDIUM: "Medium",
    Severity.HIGH: "High",
    Severity.CRITICAL: "High",
}
_INTERNAL: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Addresses that no outside host has. The documentation ranges are not among them: they do no harm."""


class Skip(StrEnum):
    """Why an indicator cannot be in Defender. Stable codes."""

    INTERNAL_ADDRESS = "internal_address"
    UNDERSCORE = "label_begins_with_underscore"
    EXPIRED = "expired"
    ACTION = "action_not_for_type"


def why_not(entry: Entry, target: DefenderAction, now_ms: int) -> Reason | None:
    """Why Defender would certainly refuse this; None if it may accept it."""
    refused = target.refuses(entry.type)
    if refused is not None:
        return Reason(code=Skip.ACTION, detail=f"{target.action} is for files only")
    if entry.expires_at is not None and entry.expires_at <= now_ms:
        return Reason(code=Skip.EXPIRED, detail="its expiry has passed")
    if entry.type in (IndicatorType.IPV4, IndicatorType.IPV6) and _internal(ip_address(entry.value)):
        return Reason(code=Skip.INTERNAL_ADDRESS, detail="Defender takes addresses of external hosts only")
    if entry.type is IndicatorType.DOMAIN and any(label.startswith("_") for label in entry.value.split(".")):
        return Reason(code=Skip.UNDERSCORE, detail="Defender takes no domain with a label that begins with _")
    return None


def value_of(entry: Entry) -> str:
    """The value in Defender's spelling."""
    if entry.type is not IndicatorType.IPV6:
        return entry.value
    # All eight segments, without leading zeros: "2001:4860:4860:0:0:0:0:8888".
    return ":".join(f"{int(part, 16):x}" for part in IPv6Address(entry.value).exploded.split(":"))


def body(entry: Entry, target: DefenderAction, ioc_source: str, owner: str) -> dict[str, object]:
    """The indicator to submit. It always has the same fields, so that an update overwrites those of older versions."""
    value = value_of(entry)
    submitted: dict[str, object] = {
        "indicatorValue": value,
        "indicatorType": TYPES[entry.type],
        "action": target.action,
        "title": _bounded(f"{APPLICATION}: {value}", TITLE_MOST),
        "description": _description(entry, ioc_source),
        "severity": target.severity or _SEVERITIES[entry.severity],
        "generateAlert": target.generate_alert,
        "application": APPLICATION,
        "externalId": marker(owner, entry.indicator_id),
    }
    if target.rbac_groups:
        submitted["rbacGroupNames"] = list(target.rbac_groups)
    if target.action == "Warn":
        submitted |= {"educateUrl": target.educate_url, "bypassDurationHours": target.bypass_hours}
    elif target.educate_url is not None:
        submitted["educateUrl"] = target.educate_url
    if (ends := expiry(entry.expires_at)) is not None:
        submitted["expirationTime"] = to_datetime(ends).isoformat(timespec="seconds").replace("+00:00", "Z")
    return submitted


def _description(entry: Entry, ioc_source: str) -> str:
    tags = f"tags: {', '.join(entry.tags)}" if entry.tags else ""
    text = "; ".join(filter(None, (" ".join(part.split()) for part in (ioc_source, entry.comments, tags))))
    return _bounded(text or f"shared by {APPLICATION}", DESCRIPTION_MOST)


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _internal(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _INTERNAL)
