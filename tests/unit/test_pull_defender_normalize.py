"""Rows of a Defender listing: each becomes a report or is skipped with a reason, whatever the vendor puts into it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonicalise, indicator_id
from schemas.marker import marker
from schemas.report import Report, Verb
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderTenant
from services.pull_defender.normalize import Listing, normalise
from services.runtime.polling.snapshot import difference

NOW = 1_900_000_000_000
CREATED = "2026-01-10T08:12:44.1234567Z"
CREATED_MS = 1_768_032_764_123


def spec(**more: Any) -> DefenderTenant:
    return DefenderTenant.model_validate(
        {"type": "defender", "tenant_id": "t", "app_id": "a", "app_secret": {"env": "S"}, **more}
    )


def row(value: object = "evil.example", kind: object = "DomainName", **more: object) -> dict[str, Any]:
    return {
        "id": "1042",
        "indicatorValue": value,
        "indicatorType": kind,
        "action": "Block",
        "severity": "High",
        "title": "title",
        "description": "description",
        "creationTimeDateTimeUtc": CREATED,
        "lastUpdateTime": CREATED,
        "expirationTime": None,
        "mitreTechniques": [],
        "generateAlert": False,
        "externalId": None,
        **more,
    }


def read(*rows: dict[str, Any], **more: Any) -> Listing:
    return normalise(list(rows), spec(**more), NOW)


def report_of(found: dict[str, Any], **more: Any) -> Report:
    (report,) = read(found, **more).reports.values()
    return report


def reason_of(found: dict[str, Any], **more: Any) -> str:
    listing = read(found, **more)
    assert not listing.reports
    (skip,) = listing.skips
    return skip.reason


def test_a_row_says_all_that_the_vendor_says() -> None:
    said = report_of(row(mitreTechniques=["T1566", "T1204"], expirationTime="2026-02-10T00:00:00Z"))
    assert said == Report(
        verb=Verb.UPDATE,
        type=IndicatorType.DOMAIN,
        value="evil.example",
        observed_at=NOW,
        first_seen=CREATED_MS,
        last_seen=CREATED_MS,
        severity=Severity.HIGH,
        reputation=5,
        comments="description",
        tags=("T1566", "T1204"),
        external_id="1042",
        expires_at=1_770_681_600_000,
    )


@pytest.mark.parametrize(
    ("kind", "value", "type_", "canonical"),
    [
        ("FileSha256", "A" * 64, IndicatorType.SHA256, "a" * 64),
        ("FileSha1", "B" * 40, IndicatorType.SHA1, "b" * 40),
        ("FileMd5", "C" * 32, IndicatorType.MD5, "c" * 32),
        ("Url", "http://Evil.example/a?b", IndicatorType.URL, "http://evil.example/a?b"),
        ("Url", "evil.example/without/scheme", IndicatorType.URL, "http://evil.example/without/scheme"),
        ("IpAddress", "198.51.100.7", IndicatorType.IPV4, "198.51.100.7"),
        ("IpAddress", "2001:4860:4860:0:0:0:0:8888", IndicatorType.IPV6, "2001:4860:4860::8888"),
    ],
)
def test_every_type_has_its_canonical_form(kind: str, value: str, type_: IndicatorType, canonical: str) -> None:
    said = report_of(row(value, kind))
    assert (said.type, said.value) == (type_, canonical)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (row("News", "WebCategory"), "type_not_supported"),
        (row("AA" * 20, "CertificateThumbprint"), "type_not_supported"),
        (row(kind=None), "type_not_supported"),
        (row(kind=["DomainName"]), "type_not_supported"),
        (row(kind={"a": 1}), "type_not_supported"),
        (row("evil.example", "IpAddress"), "not_an_address"),
        (row("ab", "FileSha256"), "bad_hash"),
        (row("198.51.100.7", "DomainName"), "wrong_type"),
        (row("", "DomainName"), "empty"),
        (row("a\x00b", "DomainName"), "not_text"),
        (row(externalId=marker("deadbeef", "domain:evil.example")), "ours"),
    ],
)
def test_what_is_not_reported_has_a_reason(found: dict[str, Any], reason: str) -> None:
    assert reason_of(found) == reason


@pytest.mark.parametrize("value", [None, 5, ["evil.example"], {}])
def test_a_value_that_is_no_text_is_never_taken_for_one(value: object) -> None:
    assert reason_of(row(value, "Url")) == "no_value"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"types": ("url",)}, "filtered_type"),
        ({"actions": ("Audit", "Warn")}, "filtered_action"),
        ({"generate_alert": True}, "filtered_generate_alert"),
    ],
)
def test_what_policy_leaves_out_is_skipped_by_name(wanted: dict[str, Any], reason: str) -> None:
    assert reason_of(row(), **wanted) == reason
    matching = row("http://e.example/", "Url", action="Warn", generateAlert=True)
    assert len(read(matching, **wanted).reports) == 1


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("Informational", "informational"),
        ("HIGH", "high"),
        ("Catastrophic", "unknown"),
        (None, "unknown"),
        (3, "unknown"),
    ],
)
def test_severities_nobody_knows_are_unknown(written: object, severity: str) -> None:
    assert report_of(row(severity=written)).severity == severity


@pytest.mark.parametrize(
    ("written", "millis"),
    [
        (CREATED, CREATED_MS),
        ("2026-01-10T08:12:44Z", 1_768_032_764_000),
        ("2026-01-10T10:12:44.5+02:00", 1_768_032_764_500),
        ("2026-01-10T08:12:44", 1_768_032_764_000),
    ],
)
def test_times_are_read_however_many_digits_they_have(written: str, millis: int) -> None:
    said = report_of(row(creationTimeDateTimeUtc=written, lastUpdateTime=written))
    assert (said.first_seen, said.last_seen) == (millis, millis)


def test_an_update_is_seen_last_and_created_first() -> None:
    said = report_of(row(lastUpdateTime="2026-01-11T08:12:44Z"))
    assert (said.first_seen, said.last_seen) == (CREATED_MS, 1_768_119_164_000)


def test_a_row_without_times_is_seen_now_and_is_no_news_at_the_next_poll() -> None:
    found = row(creationTimeDateTimeUtc=None, lastUpdateTime="soon")
    first = normalise([found], spec(), NOW)
    (said,), chunks = difference({}, first.reports, NOW)
    assert (said.first_seen, said.last_seen) == (NOW, NOW)
    again = normalise([found], spec(), NOW + 300_000)
    known = {number: entries for number, entries in chunks.items() if entries}
    assert difference(known, again.reports, NOW + 300_000) == ([], {})


@pytest.mark.parametrize("techniques", [None, "T1566", 7, {"T1566": 1}, [None, "T1566", 3]])
def test_techniques_are_tags_where_they_can_be_read(techniques: object) -> None:
    expected = {"str": ("T1566",), "list": ("T1566",)}.get(type(techniques).__name__, ())
    assert report_of(row(mitreTechniques=techniques)).tags == expected


def test_one_time_of_a_row_stands_in_for_the_other() -> None:
    for missing in ("creationTimeDateTimeUtc", "lastUpdateTime"):
        said = report_of(row(**{missing: None}))
        assert (said.first_seen, said.last_seen) == (CREATED_MS, CREATED_MS)


def test_rows_about_one_indicator_make_one_report_the_newest() -> None:
    old = row(id="1", action="Block", description="old", creationTimeDateTimeUtc="2026-01-01T00:00:00Z")
    new = row("EVIL.example", id="2", action="Audit", description="new", lastUpdateTime="2026-03-01T00:00:00Z")
    for rows in ([old, new], [new, old]):
        (said,) = read(*rows).reports.values()
        assert (said.comments, said.external_id, said.first_seen) == ("new", "2", 1_767_225_600_000)


def test_a_foreign_row_beside_our_own_is_still_reported() -> None:
    listing = read(row(id="1", externalId=marker("a", "b")), row(id="2", description="theirs"))
    assert [report.comments for report in listing.reports.values()] == ["theirs"]
    assert [skip.reason for skip in listing.skips] == ["ours"]


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(st.characters(codec="utf-8"))
)
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=1)
VALUES = st.sampled_from(["evil.example", "198.51.100.7", "::1", "a" * 64, "http://e.example/x", "hxxp://e[.]example"])
TIMES = st.sampled_from([CREATED, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00", "1969-01-01"])
ROWS = st.fixed_dictionaries(
    {"id": st.text(st.characters(codec="utf-8"), min_size=1)},
    optional={
        **{name: JSON for name in row() if name != "id"},
        "indicatorValue": VALUES | JSON,
        "indicatorType": st.sampled_from(["DomainName", "Url", "IpAddress", "FileMd5", "FileSha256"]) | JSON,
        "creationTimeDateTimeUtc": TIMES | JSON,
        "lastUpdateTime": TIMES | JSON,
        "expirationTime": TIMES | JSON,
    },
)


@given(st.lists(ROWS, max_size=3))
def test_no_row_is_lost_and_none_makes_it_fail(rows: list[dict[str, Any]]) -> None:
    listing = normalise(rows, spec(), NOW)
    assert bool(rows) == bool(listing.reports or listing.skips)
    assert len(listing.reports) + len(listing.skips) <= len(rows)
    for key, report in listing.reports.items():
        assert canonicalise(report.value, report.type).id == key == indicator_id(report.type, report.value)
        assert Report.decode(report.encode()) == report
        assert report.first_seen <= report.last_seen
    for skip in listing.skips:
        assert skip.reason
        assert skip.encode()


@given(st.lists(ROWS, max_size=3))
def test_no_marked_row_is_ever_reported(rows: list[dict[str, Any]]) -> None:
    marked = [{**found, "externalId": marker("0badcafe", "x")} for found in rows]
    listing = normalise(marked, spec(), NOW)
    assert not listing.reports
    assert [skip.reason for skip in listing.skips] == ["ours"] * len(rows)
