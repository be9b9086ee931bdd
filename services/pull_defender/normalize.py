"""Turns rows of a Defender listing into reports, or skips them with a reason. Pure and tolerant."""

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

# `IpAddress` is either family; the canonical form decides.
_TYPES = {
    "FileSha1": IndicatorType.SHA1,
    "FileSha256": IndicatorType.SHA256,
    "FileMd5": IndicatorType.MD5,
    "DomainName": IndicatorType.DOMAIN,
    "Url": IndicatorType.URL,
}
_ADDRESSES = (IndicatorType.IPV4, IndicatorType.IPV6)


ACTIONS = frozenset({"warn", "block", "audit", "blockandremediate", "alert", "alertandblock"})
"""Actions against malicious indicators, in lower case. Microsoft: "Indicator resource type". Rows of other actions,
such as `Allowed`, are pulled only if `spec.actions` names them."""

MAX_COMMENTS = 4_000
MAX_TAG, MAX_TAGS = 100, 50
MAX_SUBJECT = 200
"""Bounds, characters and tags: the vendor's are unconfirmed, and a record of Kafka's has one."""


class Skip(StrEnum):
    """Why a row is not reported. A value without a canonical form has the code of that refusal."""

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
    """A listing: reports by indicator id, and skipped rows with their reasons.

    `first_seen` and `last_seen` are 0 if a row has no time.
    """

    reports: dict[str, Report]
    skips: tuple[ActivityItem, ...]


def normalise(rows: Sequence[object], spec: DefenderTenant, now: int, ours: frozenset[str] = frozenset()) -> Listing:
    """Read a listing. Of rows about one indicator (other action, other device group) the newest makes the report.

    Skips rows that we wrote: they have our mark, or one of the ids in `ours` if the mark was removed.
    """
    reports: dict[str, Report] = {}
    skips = []
    for row in sorted(rows, key=_age):
        try:
            found = writable(_read(row, spec, now, ours))
        except Exception as error:  # noqa: BLE001  # an unforeseen row must not stop the others
            found = unreadable(Skip.UNREADABLE, _name(row), error)
        if isinstance(found, ActivityItem):
            skips.append(found)
        else:
            key = indicator_id(found.type, found.value)
            earlier = reports.get(key)
            first_seen = [report.first_seen for report in (found, earlier) if report and report.first_seen]
            reports[key] = found.model_copy(update={"first_seen": min(first_seen, default=0)})
    return Listing(reports, tuple(skips))


def _age(row: object) -> tuple[int, str]:
    return (read_vendor(row.get("lastUpdateTime")) or 0 if isinstance(row, Mapping) else 0), id_of(row)


def _name(row: object) -> str:
    """Return the name of a row without a value."""
    return f"row {id_of(row) or 'without an id'}"[:MAX_SUBJECT]


def _read(row: object, spec: DefenderTenant, now: int, ours: frozenset[str]) -> Report | ActivityItem:
    if not isinstance(row, Mapping) or not id_of(row):
        detail = "the row has no id" if isinstance(row, Mapping) else "the row is not a JSON object"
        return ActivityItem(subject=_name(row), reason=Skip.UNREADABLE, detail=detail)
    value, kind = row.get("indicatorValue"), row.get("indicatorType")
    is_own = is_ours(row.get("externalId")) or id_of(row) in ours
    if not isinstance(value, str):
        return ActivityItem(subject=_name(row), reason=Skip.OURS if is_own else Skip.NO_VALUE)
    subject = value[:MAX_SUBJECT]
    if is_own:
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
    """Return why rows with this action are not pulled, or None if they are."""
    name = _text(action).strip().lower()
    if spec.actions:
        return None if name in {wanted.lower() for wanted in spec.actions} else Skip.FILTERED_ACTION
    if name in ACTIONS:
        return None
    return Skip.FILTERED_ACTION if name == "allowed" else Skip.UNKNOWN_ACTION


def _shown(value: object) -> str:
    """Return the text of an unusable field for people."""
    return str(value)[:MAX_SUBJECT] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _text(value: object) -> str:
    return without_surrogates(value) if isinstance(value, str) else ""


def _tags(techniques: object) -> tuple[str, ...]:
    """Return MITRE techniques from a list, as documented, or from one text, as in the portal's CSV."""
    parts = techniques.split(",") if isinstance(techniques, str) else techniques
    texts = [_text(part).strip()[:MAX_TAG] for part in parts] if isinstance(parts, list) else []
    return tuple(text for text in texts if text)[:MAX_TAGS]


def _severity(text: object) -> Severity:
    try:
        return Severity(_text(text).lower())
    except ValueError:
        return Severity.UNKNOWN
