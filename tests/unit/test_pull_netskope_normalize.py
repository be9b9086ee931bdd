"""Alerts of Netskope: each becomes reports or is skipped with a reason, however its fields are written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonicalise
from schemas.report import Report, Verb
from schemas.types import IndicatorType, Severity
from services.pull_netskope.client import Kind
from services.pull_netskope.normalize import MAX_COMMENTS, MAX_TAG, MAX_TAGS, TELLS, AlertFilter, normalise

NOW = 1_900_000_000_000
SEEN = 1_767_225_600
MD5, OTHER_MD5, SHA256, OTHER_SHA256 = "a" * 32, "b" * 32, "c" * 64, "d" * 64
ANY = AlertFilter()


def malware(**more: object) -> dict[str, object]:
    return {
        "_id": "aa11bb22cc33dd44ee55ff66",
        "timestamp": SEEN,
        "type": "nspolicy",
        "alert_type": "Malware",
        "md5": MD5,
        "local_md5": MD5,
        "sha256": "",
        "local_sha256": SHA256,
        "malware_name": "Win32.Trojan.Synthetic",
        "malware_type": "Trojan",
        "malware_severity": "low",
        "severity": "High",
        "transaction_id": 7_147_084_621_365_701_239,
        "user": "u@example.com",
        "srcip": "192.0.2.10",
        **more,
    }


def malsite(**more: object) -> dict[str, object]:
    return {
        "_id": "ff00ee11dd22cc33bb44aa55",
        "timestamp": SEEN,
        "alert_type": "malsite",
        "url": "phish.bad.example/login",
        "malsite_category": ["Phish Site", "Malicious Site"],
        "severity_level": "high",
        "severity": "unknown",
        "threat_match_field": "url",
        "threat_match_value": "phish.bad.example/login",
        "user": "u@example.com",
        **more,
    }


def read(record: object, kind: Kind | None = None, terms: AlertFilter = ANY) -> tuple[list[Report], list[str]]:
    if kind is None:
        kind = Kind.MALWARE if isinstance(record, dict) and "md5" in record else Kind.MALSITE
    reports, skips = normalise(kind, [record], terms, NOW)
    return reports, [skip.reason for skip in skips]


def values(record: object, kind: Kind | None = None, terms: AlertFilter = ANY) -> list[str]:
    return sorted(report.value for report in read(record, kind, terms)[0])


def test_a_malware_alert_says_all_that_is_to_be_known_and_nothing_of_people() -> None:
    reports, skips = read(malware())
    assert not skips
    assert {report.type for report in reports} == {IndicatorType.MD5, IndicatorType.SHA256}
    assert reports[0] == Report(
        verb=Verb.UPDATE,
        type=IndicatorType.MD5,
        value=MD5,
        observed_at=NOW,
        first_seen=SEEN * 1000,
        last_seen=SEEN * 1000,
        severity=Severity.HIGH,
        reputation=5,
        comments="Win32.Trojan.Synthetic / Trojan",
        tags=("Trojan",),
        external_id="aa11bb22cc33dd44ee55ff66",
        sighting=True,
    )
    assert b"u@example.com" not in b"".join(report.encode() for report in reports)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"local_md5": OTHER_MD5}, [MD5, OTHER_MD5, SHA256]),
        ({"local_md5": MD5.upper()}, [MD5, SHA256]),
        ({"sha256": OTHER_SHA256}, [MD5, SHA256, OTHER_SHA256]),
        ({"local_md5": None, "local_sha256": "null"}, [MD5]),
        ({"local_md5": 0, "local_sha256": []}, [MD5]),
        ({"md5": "N/A", "local_md5": f" {OTHER_MD5} "}, [OTHER_MD5, SHA256]),
    ],
)
def test_both_hashes_are_told_where_they_differ_and_absent_ones_are_none(
    changes: dict[str, object], expected: list[str]
) -> None:
    reports, skips = read(malware(**changes))
    assert sorted(report.value for report in reports) == expected
    assert not skips


@pytest.mark.parametrize(
    ("field", "value", "url", "expected"),
    [
        ("url", "phish.bad.example/login", "x", "http://phish.bad.example/login"),
        ("domain", "bad.example", "www.bad.example/a", "bad.example"),
        ("DOMAIN", "bad.example", "www.bad.example/a", "bad.example"),
        ("ip", "198.51.100.9", "a.example/x", "198.51.100.9"),
        ("ip", "2001:DB8::1", "a.example/x", "2001:db8::1"),
        ("ip", "198.51.100.9:80", "a.example/x", "http://a.example/x"),
        ("domain", "", "https://a.example/x", "https://a.example/x"),
        ("hostname", "a.example", "b.example/x", "http://b.example/x"),
        (None, None, "b.example/images/favicon.ico", "http://b.example/images/favicon.ico"),
        ("domain", "not a domain", "b.example/x", "http://b.example/x"),
    ],
)
def test_the_match_is_told_or_else_the_url_with_or_without_a_scheme(
    field: str | None, value: str | None, url: str, expected: str
) -> None:
    assert values(malsite(threat_match_field=field, threat_match_value=value, url=url)) == [expected]


@pytest.mark.parametrize("alert_type", ["malsite", "Malsite", "MALSITE", "", None, 0])
def test_the_alert_type_is_compared_in_any_case_and_may_be_missing(alert_type: object) -> None:
    assert values(malsite(alert_type=alert_type)) == ["http://phish.bad.example/login"]


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        (malsite(alert_type="DLP"), Kind.MALSITE, "other_alert_type"),
        (malware(), Kind.MALSITE, "other_alert_type"),
        (malware(md5=None, local_md5="", local_sha256="0"), Kind.MALWARE, "no_hash"),
        (malware(md5="abc", local_md5="", local_sha256=""), Kind.MALWARE, "bad_hash"),
        (malware(md5=SHA256, local_md5="", local_sha256=""), Kind.MALWARE, "wrong_type"),
        (malsite(url="", threat_match_value="null"), Kind.MALSITE, "no_site"),
        (["not", "an", "alert"], Kind.MALSITE, "not_an_alert"),
        (None, Kind.MALWARE, "not_an_alert"),
        (malware(scanner_result="clean"), Kind.MALWARE, "scanned_clean"),
        (malware(scanner_result=" Clean "), Kind.MALWARE, "scanned_clean"),
    ],
)
def test_what_is_not_reported_has_a_reason(record: object, kind: Kind, reason: str) -> None:
    assert read(record, kind) == ([], [reason])


@pytest.mark.parametrize(
    "changes",
    [
        *({"scanner_result": result} for result in ("malicious", "incomplete", "", None, "new", 7, ["clean"])),
        *({"action": action} for action in ("allow", "alert", "block", "bypass", "", None, "new", 7)),
    ],
)
def test_what_policy_did_about_malware_does_not_matter_and_only_a_clean_scan_acquits(
    changes: dict[str, object],
) -> None:
    assert sorted(values(malware(**changes), Kind.MALWARE)) == [MD5, SHA256]
    only_action = {name: value for name, value in changes.items() if name == "action"}
    assert values(malsite(**only_action)) == ["http://phish.bad.example/login"]


def test_one_unreadable_hash_takes_no_other_with_it() -> None:
    reports, skips = read(malware(local_md5="abc"))
    assert ([report.value for report in reports], skips) == ([MD5, SHA256], ["bad_hash"])


def test_types_that_policy_leaves_out_are_skipped_by_name() -> None:
    only_sha256 = AlertFilter(types=frozenset({IndicatorType.SHA256}))
    reports, skips = read(malware(), terms=only_sha256)
    assert ([report.value for report in reports], skips) == ([SHA256], ["filtered_type"])
    only_urls = AlertFilter(types=frozenset({IndicatorType.URL}))
    matched_by_domain = malsite(threat_match_field="domain", threat_match_value="bad.example")
    assert values(matched_by_domain, terms=only_urls) == ["http://phish.bad.example/login"]


@pytest.mark.parametrize(
    ("categories", "tags"),
    [
        (["Phish Site", "Malicious Site"], ("Malicious Site", "Phish Site")),
        ("['Phish Site', 'Malicious Site']", ("Malicious Site", "Phish Site")),
        ('["Phish Site", null]', ("Phish Site",)),
        ("Phish Site", ("Phish Site",)),
        ("[Phish Site, C&C]", ("C&C", "Phish Site")),
        ("[{[]: 1}]", ("{[]: 1}",)),
        ("[", ("[",)),
        ("[]", ()),
        ("", ()),
        (None, ()),
        (["", None, {"a": 1}, 7, True], ("7",)),
    ],
)
def test_categories_are_read_as_a_list_and_as_a_list_made_text(categories: object, tags: tuple[str, ...]) -> None:
    ((report,), _) = read(malsite(malsite_category=categories))
    assert report.tags == tags


def test_texts_are_bounded() -> None:
    ((report,), _) = read(malsite(malsite_category=[f"{number}{'x' * 500}" for number in range(50)]))
    assert (len(report.comments), len(report.tags)) == (MAX_COMMENTS, MAX_TAGS)
    assert {len(tag) for tag in report.tags} == {MAX_TAG}


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"severity": "unknown", "severity_level": "med"}, "medium"),
        ({"severity": "Critical", "severity_level": "low"}, "critical"),
        ({"severity": "None", "severity_level": ""}, "unknown"),
        ({"severity": "Apocalyptic", "severity_level": 3}, "unknown"),
    ],
)
def test_the_first_severity_that_means_something_counts(changes: dict[str, object], severity: str) -> None:
    ((report,), _) = read(malsite(**changes))
    assert report.severity == severity


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(SEEN, SEEN), (str(SEEN), SEEN), (float(SEEN) + 0.9, SEEN), (None, None), ("", None), (-5, None), (10**15, None),
     (True, None), ("soon", None), (float("nan"), None), (float("inf"), None), ([], None)],
)  # fmt: skip
def test_a_time_that_says_nothing_usable_is_now(written: object, seconds: int | None) -> None:
    ((report,), _) = read(malsite(timestamp=written))
    assert report.first_seen == report.last_seen == (NOW if seconds is None else seconds * 1000)


def test_an_id_above_two_to_the_53_keeps_every_digit() -> None:
    ((report,), _) = read(malsite(_id=7_147_084_621_365_701_239))
    assert report.external_id == "7147084621365701239"


def test_many_alerts_about_one_indicator_make_one_report() -> None:
    alerts = [
        malsite(_id="1", timestamp=SEEN + 5, malsite_category=["B"], severity_level="low"),
        malsite(_id="2", timestamp=SEEN, malsite_category=["A"]),
        malsite(_id="3", timestamp=SEEN + 9, malsite_category=["C"]),
    ]
    for page in (alerts, alerts[::-1]):
        (report,), _ = normalise(Kind.MALSITE, page, ANY, NOW)
        assert (report.first_seen, report.last_seen) == (SEEN * 1000, (SEEN + 9) * 1000)
        assert (report.external_id, report.tags, report.severity) == ("3", ("A", "B", "C"), Severity.HIGH)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(st.characters(codec="utf-8"))
)
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=1)
BRACKETS = st.text("[]{}()'\",:1\\jnx ", max_size=12).map(lambda inner: f"[{inner}]")
ALERTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(malware() | malsite(), JSON),
        "alert_type": st.sampled_from(["Malware", "malsite"]) | JSON,
        "threat_match_field": st.sampled_from(["url", "domain", "ip"]) | JSON,
        "threat_match_value": st.sampled_from(["bad.example", "::1", "198.51.100.1", "bad.example/x"]) | JSON,
        "md5": st.sampled_from([MD5, SHA256, MD5.upper()]) | JSON,
        "malsite_category": BRACKETS | JSON,
        "malware_type": BRACKETS | JSON,
    },
)


@given(st.sampled_from(Kind), st.lists(ALERTS | JSON, max_size=3))
def test_no_alert_is_lost_and_none_makes_it_fail(kind: Kind, page: list[Any]) -> None:
    for record in page:
        reports, skips = normalise(kind, [record], ANY, NOW)
        assert reports or skips
    reports, skips = normalise(kind, page, ANY, NOW)
    for report in reports:
        assert report.type in TELLS[kind]
        assert canonicalise(report.value, report.type).value == report.value
        assert Report.decode(report.encode()) == report
        assert report.first_seen <= report.last_seen <= NOW
    for skip in skips:
        assert skip.reason
        assert skip.encode()
