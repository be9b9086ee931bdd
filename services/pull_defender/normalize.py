"""A row of a Defender listing as a report, or the reason why it is none. Pure, and a tolerant reader."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from schemas.activity import ActivityItem
from schemas.canonical import Refused, canonicalise, indicator_id
from schemas.marker import is_ours
from schemas.report import Report, Verb
from schemas.resources.connection import DefenderTenant
from schemas.types import IndicatorType, Severity
from services.pull_defender.client import Row

# `IpAddress` is either family: the canonical form tells which.
_TYPES = {
    "FileSha1": IndicatorType.SHA1,
    "FileSha256": IndicatorType.SHA256,
    "FileMd5": IndicatorType.MD5,
    "DomainName": IndicatorType.DOMAIN,
    "Url": IndicatorType.URL,
}
_ADDRESSES = (IndicatorType.IPV4, IndicatorType.IPV6)


ALLOWED = "Allowed"
"""The action of what Defender shall let pass. It is pulled only where a connection asks for it by name."""


class Skip(StrEnum):
    """Why a row is not reported. Values that have no canonical form bring that refusal's code."""

    OURS = "ours"
    TYPE = "type_not_supported"
    FILTERED_TYPE = "filtered_type"
    FILTERED_ACTION = "filtered_action"
    FILTERED_ALERT = "filtered_generate_alert"
    NOT_AN_ADDRESS = "not_an_address"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing says: reports by indicator id, and the rows that are none with their reasons."""

    reports: dict[str, Report]
    skips: tuple[ActivityItem, ...]


def normalise(rows: list[Row], spec: DefenderTenant, now: int) -> Listing:
    """Read a listing. Rows about one indicator (other action, other device group) make one report: the newest's."""
    reports: dict[str, Report] = {}
    skips = []
    for row in sorted(rows, key=lambda row: (_time(row.get("lastUpdateTime"), 0), str(row["id"]))):
        found = _read(row, spec, now)
        if isinstance(found, ActivityItem):
            skips.append(found)
        else:
            key = indicator_id(found.type, found.value)
            earlier = reports.get(key)
            first = min(found.first_seen, earlier.first_seen) if earlier else found.first_seen
            reports[key] = found.model_copy(update={"first_seen": first})
    return Listing(reports, tuple(skips))


def _read(row: Row, spec: DefenderTenant, now: int) -> Report | ActivityItem:
    value, kind, action = str(row.get("indicatorValue")), row.get("indicatorType"), row.get("action")
    if is_ours(row.get("externalId")):
        return ActivityItem(subject=value, reason=Skip.OURS)
    if kind != "IpAddress" and kind not in _TYPES:
        return ActivityItem(subject=value, reason=Skip.TYPE, detail=str(kind))
    if action not in spec.actions if spec.actions else action == ALLOWED:
        return ActivityItem(subject=value, reason=Skip.FILTERED_ACTION, detail=str(action))
    if spec.generate_alert is not None and row.get("generateAlert") is not spec.generate_alert:
        return ActivityItem(subject=value, reason=Skip.FILTERED_ALERT)
    try:
        canonical = canonicalise(value, _TYPES.get(str(kind)))
    except Refused as refusal:
        return ActivityItem(subject=value, reason=refusal.reason, detail=refusal.detail)
    if kind == "IpAddress" and canonical.type not in _ADDRESSES:
        return ActivityItem(subject=value, reason=Skip.NOT_AN_ADDRESS, detail=canonical.type)
    if spec.types and canonical.type not in spec.types:
        return ActivityItem(subject=value, reason=Skip.FILTERED_TYPE, detail=canonical.type)
    first = _time(row.get("creationTimeDateTimeUtc"), now)
    return Report(
        verb=Verb.UPDATE,
        type=canonical.type,
        value=canonical.value,
        observed_at=now,
        first_seen=first,
        last_seen=max(first, _time(row.get("lastUpdateTime"), first)),
        severity=_severity(row.get("severity")),
        comments=str(row.get("description") or row.get("title") or ""),
        tags=tuple(str(tag) for tag in row.get("mitreTechniques") or ()),
        external_id=str(row["id"]),
        expires_at=_time(row.get("expirationTime"), 0) or None,
    )


def _severity(text: object) -> Severity:
    try:
        return Severity(str(text).lower())
    except ValueError:
        return Severity.UNKNOWN


def _time(text: object, otherwise: int) -> int:
    """Milliseconds; Defender writes up to seven fractional digits, and `Z` or an offset."""
    if not isinstance(text, str):
        return otherwise
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000))
