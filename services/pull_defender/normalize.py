"""A row of a Defender listing as a report, or the reason why it is none. Pure, and a tolerant reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.activity import ActivityItem
from schemas.canonical import Refused, canonicalise, indicator_id
from schemas.marker import is_ours
from schemas.moment import read_vendor
from schemas.report import Report, Verb
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderTenant
from services.runtime.polling.unreadable import unreadable, without_surrogates, writable
from services.runtime.vendors.defender_rows import id_of

Row = Mapping[str, object]

# `IpAddress` is either family: the canonical form tells which.
_TYPES = {
    "FileSha1": IndicatorType.SHA1,
    "FileSha256": IndicatorType.SHA256,
    "FileMd5": IndicatorType.MD5,
    "DomainName": IndicatorType.DOMAIN,
    "Url": IndicatorType.URL,
}
_ADDRESSES = (IndicatorType.IPV4, IndicatorType.IPV6)


ACTIONS = frozenset({"warn", "block", "audit", "blockandremediate", "alert", "alertandblock"})
"""Actions that say that something is bad, in lower case. Microsoft: "Indicator resource type". A row of any other
action, such as `Allowed`, is pulled only where a connection asks for it by name."""

MAX_COMMENTS = 4_000
MAX_TAG, MAX_TAGS = 100, 50
MAX_SUBJECT = 200
"""Bounds, characters and tags: the vendor's are unconfirmed, and a record of Kafka's has one."""


class Skip(StrEnum):
    """Why a row is not reported. Values that have no canonical form bring that refusal's code."""

    OURS = "ours"
    UNREADABLE = "unreadable_row"
    NO_VALUE = "no_value"
    UNKNOWN_ACTION = "unknown_action"
    TYPE = "type_not_supported"
    FILTERED_TYPE = "filtered_type"
    FILTERED_ACTION = "filtered_action"
    FILTERED_ALERT = "filtered_generate_alert"
    NOT_AN_ADDRESS = "not_an_address"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing says: reports by indicator id, and the rows that are none with their reasons.

    `first_seen` and `last_seen` are 0 where a row does not say when.
    """

    reports: dict[str, Report]
    skips: tuple[ActivityItem, ...]


def normalise(rows: Sequence[object], spec: DefenderTenant, now: int, ours: frozenset[str] = frozenset()) -> Listing:
    """Read a listing. Rows about one indicator (other action, other device group) make one report: the newest's.

    Rows with our mark, or with one of the ids of `ours` if someone took the mark away, are no statements of the tenant.
    """
    reports: dict[str, Report] = {}
    skips = []
    for row in sorted(rows, key=_age):
        try:
            found = writable(_read(row, spec, now, ours))
        except Exception as error:  # noqa: BLE001  # a row of a shape that was not foreseen must not stop the others
            found = unreadable(Skip.UNREADABLE, _name(row), error)
        if isinstance(found, ActivityItem):
            skips.append(found)
        else:
            key = indicator_id(found.type, found.value)
            earlier = reports.get(key)
            said = [report.first_seen for report in (found, earlier) if report and report.first_seen]
            reports[key] = found.model_copy(update={"first_seen": min(said, default=0)})
    return Listing(reports, tuple(skips))


def _age(row: object) -> tuple[int, str]:
    return (read_vendor(row.get("lastUpdateTime")) or 0 if isinstance(row, Mapping) else 0), id_of(row)


def _name(row: object) -> str:
    """What a row is called that has no value to call it by."""
    return f"row {id_of(row) or 'without an id'}"[:MAX_SUBJECT]


def _read(row: object, spec: DefenderTenant, now: int, ours: frozenset[str]) -> Report | ActivityItem:
    if not isinstance(row, Mapping) or not id_of(row):
        detail = "it has no id" if isinstance(row, Mapping) else "it is no JSON object"
        return ActivityItem(subject=_name(row), reason=Skip.UNREADABLE, detail=detail)
    value, kind = row.get("indicatorValue"), row.get("indicatorType")
    put_by_us = is_ours(row.get("externalId")) or id_of(row) in ours
    if not isinstance(value, str):
        return ActivityItem(subject=_name(row), reason=Skip.OURS if put_by_us else Skip.NO_VALUE)
    subject = value[:MAX_SUBJECT]
    if put_by_us:
        return ActivityItem(subject=subject, reason=Skip.OURS)
    if not isinstance(kind, str) or (kind != "IpAddress" and kind not in _TYPES):
        return ActivityItem(subject=subject, reason=Skip.TYPE, detail=_shown(kind))
    if (left_out := _left_out(row.get("action"), spec)) is not None:
        return ActivityItem(subject=subject, reason=left_out, detail=_shown(row.get("action")))
    if spec.generate_alert is not None and row.get("generateAlert") is not spec.generate_alert:
        return ActivityItem(subject=subject, reason=Skip.FILTERED_ALERT)
    try:
        canonical = canonicalise(value, _TYPES.get(kind))
    except Refused as refusal:
        return ActivityItem(subject=subject, reason=refusal.reason, detail=refusal.detail)
    if kind == "IpAddress" and canonical.type not in _ADDRESSES:
        return ActivityItem(subject=subject, reason=Skip.NOT_AN_ADDRESS, detail=canonical.type)
    if spec.types and canonical.type not in spec.types:
        return ActivityItem(subject=subject, reason=Skip.FILTERED_TYPE, detail=canonical.type)
    updated = read_vendor(row.get("lastUpdateTime")) or 0
    first = read_vendor(row.get("creationTimeDateTimeUtc")) or updated
    return Report(
        verb=Verb.UPDATE,
        type=canonical.type,
        value=canonical.value,
        observed_at=now,
        first_seen=first,
        last_seen=max(first, updated),
        severity=_severity(row.get("severity")),
        comments=(_text(row.get("description")) or _text(row.get("title")))[:MAX_COMMENTS],
        tags=_tags(row.get("mitreTechniques")),
        external_id=id_of(row)[:MAX_SUBJECT],
        expires_at=read_vendor(row.get("expirationTime")),
    )


def _left_out(action: object, spec: DefenderTenant) -> Skip | None:
    """Why a row of an action is not pulled; None where it is."""
    said = _text(action).strip().lower()
    if spec.actions:
        return None if said in {wanted.lower() for wanted in spec.actions} else Skip.FILTERED_ACTION
    if said in ACTIONS:
        return None
    return Skip.FILTERED_ACTION if said == "allowed" else Skip.UNKNOWN_ACTION


def _shown(value: object) -> str:
    """A field that was not understood, for people."""
    return str(value)[:MAX_SUBJECT] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _text(value: object) -> str:
    return without_surrogates(value) if isinstance(value, str) else ""


def _tags(techniques: object) -> tuple[str, ...]:
    """MITRE techniques: a list as documented, or one text as in the portal's CSV."""
    parts = techniques.split(",") if isinstance(techniques, str) else techniques
    texts = [_text(part).strip()[:MAX_TAG] for part in parts] if isinstance(parts, list) else []
    return tuple(text for text in texts if text)[:MAX_TAGS]


def _severity(text: object) -> Severity:
    try:
        return Severity(_text(text).lower())
    except ValueError:
        return Severity.UNKNOWN
