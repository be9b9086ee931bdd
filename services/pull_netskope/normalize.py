"""Turns Netskope's alerts into reports. Pure. Each value of an alert is reported or skipped with a reason.

A malware alert yields its MD5 and SHA-256, the vendor's and the local ones, unless `scanner_result` is clean. A malsite
alert yields what the threat intelligence matched (`threat_match_value`: a URL, a domain or an address), or the visited
`url` if the match is unusable. `action` is what the tenant's policy did (allow, alert, block …) and is ignored. Data of
users and devices is not reported. Fields: Netskope's published event schema; absent values as "", "null", 0 or [], and
lists written as text, are seen in connectors.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.activity import ActivityItem
from schemas.canonical import Canonical, Refused, canonicalise
from schemas.moment import from_seconds
from schemas.report import Report, Verb
from schemas.types import IndicatorType, Severity
from services.pull_netskope.client import Kind
from services.runtime.polling.unreadable import unreadable, without_surrogates, writable

MAX_COMMENTS = 1_000
MAX_TAGS = 20
MAX_TAG = 100
MAX_ID = 200
"""Bounds, characters and tags: the vendor's are unconfirmed, and a record of Kafka's has one."""

TELLS = {
    Kind.MALWARE: frozenset({IndicatorType.MD5, IndicatorType.SHA256}),
    Kind.MALSITE: frozenset({IndicatorType.URL, IndicatorType.DOMAIN, IndicatorType.IPV4, IndicatorType.IPV6}),
}
"""Types of indicators in each kind of alert."""

_CLEAN = "clean"
_ABSENT = frozenset({"", "null", "none", "n/a", "undefined"})
_HASHES = (
    ("md5", IndicatorType.MD5),
    ("local_md5", IndicatorType.MD5),
    ("sha256", IndicatorType.SHA256),
    ("local_sha256", IndicatorType.SHA256),
)
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "med": Severity.MEDIUM,
    "low": Severity.LOW,
    "informational": Severity.INFORMATIONAL,
    "info": Severity.INFORMATIONAL,
}
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Skip(StrEnum):
    """Why a value of an alert is not reported, besides the reasons of the canonical form. Stable codes."""

    NOT_AN_ALERT = "not_an_alert"
    UNREADABLE = "unreadable_alert"
    CLEAN = "scanned_clean"
    OTHER_ALERT_TYPE = "other_alert_type"
    NO_HASH = "no_hash"
    NO_SITE = "no_site"
    FILTERED_TYPE = "filtered_type"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """The types that a connection pulls; empty: all."""

    types: frozenset[IndicatorType] = frozenset()

    def want(self, kind: IndicatorType) -> bool:
        """Whether the connection pulls a type."""
        return not self.types or kind in self.types


class _Skipped(Exception):  # noqa: N818  # an outcome, not an error
    def __init__(self, reason: str, subject: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.subject, self.detail = reason, subject, detail


def normalise(
    kind: Kind, records: Iterable[object], terms: AlertFilter, observed_at: int
) -> tuple[list[Report], list[ActivityItem]]:
    """Return one report per indicator of a page, and skipped items. `observed_at`: milliseconds since the epoch."""
    found: dict[str, Report] = {}
    skips: dict[tuple[str, str], ActivityItem] = {}
    for record in records:
        try:
            reports, items = _read_alert(kind, record, terms, observed_at)
        except Exception as error:  # noqa: BLE001  # an unforeseen alert must not stop the others
            reports, items = [], [unreadable(Skip.UNREADABLE, _name(record), error)]
        for key, report in reports:
            found[key] = _merged(found[key], report) if key in found else report
        for item in items:
            skips.setdefault((item.subject, item.reason), item)
    return list(found.values()), list(skips.values())


def _read_alert(
    kind: Kind, record: object, terms: AlertFilter, observed_at: int
) -> tuple[list[tuple[str, Report]], list[ActivityItem]]:
    """Return the reports of one alert by indicator id, and its skipped items."""
    reports, items = list[tuple[str, Report]](), list[ActivityItem]()
    for found in _indicators(kind, record, terms):
        if isinstance(found, _Skipped):
            items.append(writable(ActivityItem(subject=found.subject, reason=found.reason, detail=found.detail)))
        else:
            assert isinstance(record, Mapping)
            reports.append((found.id, writable(_report(kind, found, record, observed_at))))
    return reports, items


def _name(record: object) -> str:
    """Return the name of an alert in skipped items."""
    known = _text(record.get("_id"))[:MAX_ID] if isinstance(record, Mapping) else ""
    return known or "alert without _id"


def _indicators(kind: Kind, record: object, terms: AlertFilter) -> Iterator[Canonical | _Skipped]:
    if not isinstance(record, Mapping):
        yield _Skipped(Skip.NOT_AN_ALERT, _shown(record), "an element of the page is not a JSON object")
        return
    alert, alert_type = _name(record), _text(record.get("alert_type"))
    if alert_type and alert_type.casefold() != kind:
        detail = f"alert_type is {alert_type!r} in the iterator of {kind}"
        yield _Skipped(Skip.OTHER_ALERT_TYPE, alert, detail[:200])
    elif kind is Kind.MALWARE and _text(record.get("scanner_result")).casefold() == _CLEAN:
        yield _Skipped(Skip.CLEAN, alert, "scanner_result is clean: the scan found nothing in the file")
    elif kind is Kind.MALWARE:
        yield from _hashes(record, alert, terms)
    else:
        yield _site(record, alert, terms)


def _shown(record: object) -> str:
    return repr(record)[:80] if isinstance(record, str | int | float | None) else f"a {type(record).__name__}"


def _hashes(record: Mapping[str, object], alert: str, terms: AlertFilter) -> Iterator[Canonical | _Skipped]:
    seen: set[str] = set()
    for name, kind in _HASHES:
        text = _text(record.get(name)).lower()
        if text in ("", "0") or text in seen:
            continue
        seen.add(text)
        try:
            yield _read(text, kind, alert, terms)
        except _Skipped as skipped:
            yield skipped
    if not seen:
        yield _Skipped(Skip.NO_HASH, alert, "has neither MD5 nor SHA-256")


def _site(record: Mapping[str, object], alert: str, terms: AlertFilter) -> Canonical | _Skipped:
    """Return the most precise usable indicator of a malsite alert, or why there is none."""
    first: _Skipped | None = None
    for text, kind in _sites(record):
        try:
            return _read(text, kind, alert, terms)
        except _Skipped as skipped:
            first = first or skipped
    return first or _Skipped(Skip.NO_SITE, alert, "has neither threat_match_value nor url")


def _sites(record: Mapping[str, object]) -> Iterator[tuple[str, IndicatorType]]:
    match, url = _text(record.get("threat_match_value")), _text(record.get("url"))
    if match:
        match _text(record.get("threat_match_field")).lower():
            case "url":
                yield match, IndicatorType.URL
            case "domain":
                yield match, IndicatorType.DOMAIN
            case "ip":
                yield match, IndicatorType.IPV6 if ":" in match else IndicatorType.IPV4
    if url:
        yield url, IndicatorType.URL


def _read(text: str, kind: IndicatorType, alert: str, terms: AlertFilter) -> Canonical:
    try:
        found = canonicalise(text, kind)
    except Refused as refused:
        raise _Skipped(refused.reason, text[:200], f"alert {alert}: {refused.detail}") from None
    if not terms.want(found.type):
        raise _Skipped(Skip.FILTERED_TYPE, found.value[:200], f"alert {alert}: spec.types leaves out {found.type}")
    return found


def _report(kind: Kind, found: Canonical, record: Mapping[str, object], observed_at: int) -> Report:
    seen = _time(record.get("timestamp"), observed_at)
    names = ("severity", "malware_severity" if kind is Kind.MALWARE else "severity_level")
    known = (_SEVERITIES.get(_text(record.get(name)).lower()) for name in names)
    categories = _texts(record.get("malsite_category" if kind is Kind.MALSITE else "malware_type"))
    comments = [_text(record.get("malware_name")), *categories] if kind is Kind.MALWARE else categories
    return Report(
        verb=Verb.UPDATE,
        type=found.type,
        value=found.value,
        observed_at=observed_at,
        first_seen=seen,
        last_seen=seen,
        severity=next((severity for severity in known if severity), Severity.UNKNOWN),
        comments=without_surrogates(" / ".join(filter(None, comments)))[:MAX_COMMENTS],
        tags=_tags(categories),
        external_id=_text(record.get("_id"))[:MAX_ID] or None,
        sighting=True,
    )


def _merged(one: Report, other: Report) -> Report:
    """Return the newer of two reports about one indicator, with the earliest first seen and the tags of both."""
    newer = max(one, other, key=lambda report: (report.last_seen, _RANK[report.severity], report.external_id or ""))
    return newer.model_copy(
        update={"first_seen": min(one.first_seen, other.first_seen), "tags": _tags({*one.tags, *other.tags})}
    )


def _text(value: object) -> str:
    """Return the text of a field, "" if it is absent in any of the known ways."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return "" if text.lower() in _ABSENT or value == 0 else text


def _texts(value: object) -> list[str]:
    """Return a list of texts from a field, which may be a list written as one text."""
    if isinstance(value, str):
        value = _unfolded(value.strip())
    parts = value if isinstance(value, list) else [value]
    return [text for part in parts if (text := _text(part))]


def _unfolded(text: str) -> object:
    if not (text.startswith("[") and text.endswith("]")):
        return text
    try:
        found: object = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return [part.strip(" '\"") for part in text[1:-1].split(",")]
    return found


def _tags(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({without_surrogates(text)[:MAX_TAG] for text in texts})[:MAX_TAGS])


def _time(value: object, observed_at: int) -> int:
    """Return milliseconds since the epoch; `observed_at` if the time is unusable or in the future."""
    seen = from_seconds(value)
    return observed_at if seen is None else min(seen, observed_at)
