"""The content of both tenants and the policy in the demo, as immutable values.

Everything else follows from two worlds: what to do at the tenants is their difference, what should become of it at the
targets is the difference of what the model expects of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.policy import Policy
from schemas.resources import AnyResource, Sharing
from schemas.types import IndicatorType

TYPES = {
    IndicatorType.URL: "Url",
    IndicatorType.DOMAIN: "DomainName",
    IndicatorType.IPV4: "IpAddress",
    IndicatorType.IPV6: "IpAddress",
    IndicatorType.MD5: "FileMd5",
    IndicatorType.SHA1: "FileSha1",
    IndicatorType.SHA256: "FileSha256",
}
"""Our types as Defender names them."""


@dataclass(frozen=True, slots=True)
class Row:
    """An indicator created in Defender. `severity` is the vendor's; `at` orders statements."""

    value: str
    type: IndicatorType
    severity: str = "Medium"
    title: str = "Seeded by the demo"
    at: int = 1

    def body(self) -> dict[str, Any]:
        """The row as Defender shows it, as far as we say anything."""
        return {
            "indicatorValue": self.value,
            "indicatorType": TYPES[self.type],
            "action": "Block",
            "severity": self.severity,
            "title": self.title,
            "description": self.title,
        }


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of Netskope: malware for a file, a malicious site for the rest. `severity`: High, Medium or Low."""

    value: str
    type: IndicatorType
    severity: str = "High"
    at: int = 0

    def body(self, timestamp: int | None) -> dict[str, Any]:
        """The alert as a seed. `timestamp`: epoch seconds, None is now."""
        if self.type in (IndicatorType.MD5, IndicatorType.SHA256):
            what: dict[str, Any] = {"kind": "malware", self.type.value: self.value, "severity": self.severity}
        else:
            field_ = {IndicatorType.URL: "url", IndicatorType.DOMAIN: "domain"}.get(self.type, "ip")
            level = {"High": "high", "Medium": "med", "Low": "low"}[self.severity]
            what = {"kind": "malsite", "url": self.value, "threat_match_field": field_,
                    "threat_match_value": self.value, "severity_level": level}  # fmt: skip
        return what if timestamp is None else {**what, "timestamp": timestamp}


@dataclass(frozen=True, slots=True)
class World:
    """Rows by a number of our own, alerts in the order they came, and the policy in force."""

    policy: tuple[AnyResource, ...]
    rows: Mapping[int, Row] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    listed: frozenset[str] = frozenset()
    """Entries of other people in the URL lists."""

    @property
    def sharings(self) -> list[Sharing]:
        """The sharings in force, by name."""
        found = Policy.of(self.policy).sharings_by_source.values()
        return sorted((one for group in found for one in group), key=lambda one: one.name)

    @property
    def now(self) -> int:
        """Later than every statement made so far."""
        said: list[Row | Alert] = [*self.rows.values(), *self.alerts]
        return 1 + max((one.at for one in said), default=1)

    def source(self, vendor: str) -> str:
        """The connection of this vendor: there is one of each."""
        return next(one.name for one in self.policy if one.kind == "Connection" and one.spec.type == vendor)

    def with_row(self, row: Row, number: int | None = None) -> "World":
        """Return the world with a new row, or with one row replaced."""
        number = max(self.rows, default=0) + 1 if number is None else number
        return replace(self, rows={**self.rows, number: replace(row, at=self.now)})

    def without_row(self, number: int) -> "World":
        """Return the world with a row deleted."""
        return replace(self, rows={key: row for key, row in self.rows.items() if key != number})

    def with_alert(self, alert: Alert) -> "World":
        """Return the world with one more alert, newer than all others."""
        return replace(self, alerts=(*self.alerts, replace(alert, at=self.now)))

    def without(self, resource: AnyResource) -> "World":
        """Return the world with a resource removed from the policy."""
        return replace(self, policy=tuple(one for one in self.policy if one is not resource))

    def number_of(self, wanted: Row) -> int:
        """The number of a row."""
        return next(number for number, row in self.rows.items() if row == wanted)
