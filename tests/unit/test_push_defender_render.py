"""How entries are written to Defender: by type and action, within bounds, in the vendor's own forms."""

import json
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.marker import is_of, marker
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from services.push_defender.render import DESCRIPTION_MOST, TITLE_MOST, TYPES, body, value_of, why_not
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.values import check_value
from services.sandbox.defender.vocabulary import IndicatorType as VendorType
from tests.pushing import AUDIT, BLOCK, entry

NOW = 1_900_000_000_000
REMEDIATE = DefenderAction(kind="defender-action", action="BlockAndRemediate")
SAMPLES = {
    IndicatorType.URL: ("http://evil.example/a?b=c", "Url"),
    IndicatorType.DOMAIN: ("evil.example", "DomainName"),
    IndicatorType.IPV4: ("198.51.100.7", "IpAddress"),
    IndicatorType.IPV6: ("2001:db8::1", "IpAddress"),
    IndicatorType.MD5: ("a" * 32, "FileMd5"),
    IndicatorType.SHA1: ("b" * 40, "FileSha1"),
    IndicatorType.SHA256: ("c" * 64, "FileSha256"),
}


def test_every_type_has_the_vendors_name() -> None:
    assert {type_: TYPES[type_] for type_ in IndicatorType} == {type_: name for type_, (_, name) in SAMPLES.items()}


@pytest.mark.parametrize("type_", IndicatorType)
@pytest.mark.parametrize("action", ["Audit", "Warn", "Block", "BlockAndRemediate", "Allowed"])
def test_actions_by_type(type_: IndicatorType, action: str) -> None:
    target = DefenderAction.model_validate({"kind": "defender-action", "action": action})
    found = entry(SAMPLES[type_][0], target, type=type_)
    reason = why_not(found, target, NOW)
    only_for_files = action == "BlockAndRemediate" and type_.family != "hash"
    assert (reason.code if reason else None) == ("action_not_for_type" if only_for_files else None)
    written = body(found, target, "", "owner")
    assert (written["action"], written["indicatorType"]) == (action, SAMPLES[type_][1])
    assert written["generateAlert"] is (action == "Audit"), "Audit always alerts"


@pytest.mark.parametrize(
    ("canonical", "written"),
    [
        ("2001:4860:4860::8888", "2001:4860:4860:0:0:0:0:8888"),
        ("2001:db8:0:0:1::", "2001:db8:0:0:1:0:0:0"),
        ("2606:4700::", "2606:4700:0:0:0:0:0:0"),
    ],
)
def test_an_ipv6_address_has_all_eight_segments_without_leading_zeros(canonical: str, written: str) -> None:
    assert value_of(entry(canonical)) == written


@given(st.ip_addresses(v=6))
def test_any_ipv6_address_is_written_so_that_it_reads_back_the_same(address: IPv6Address) -> None:
    found = entry(str(address), type=None)
    if found.type is IndicatorType.IPV6:  # an IPv4-mapped one is that IPv4 address
        assert len(value_of(found).split(":")) == 8
        assert str(IPv6Address(value_of(found))) == found.value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("10.1.2.3", "internal_address"),
        ("192.168.0.1", "internal_address"),
        ("127.0.0.1", "internal_address"),
        ("fe80::1", "internal_address"),
        ("fd00::1", "internal_address"),
        ("255.255.255.255", "internal_address"),
        ("8.8.8.8", None),
        ("_dmarc.evil.example", "label_begins_with_underscore"),
        ("a._b.evil.example", "label_begins_with_underscore"),
        ("a_b.evil.example", None),
    ],
)
def test_what_the_vendor_would_surely_refuse_is_not_sent(value: str, reason: str | None) -> None:
    found = why_not(entry(value), BLOCK, NOW)
    assert (found.code if found else None) == reason


@pytest.mark.parametrize(
    ("expires_at", "reason"), [(NOW, "expired"), (NOW - 1, "expired"), (NOW + 1, None), (None, None)]
)
def test_an_expiry_that_has_passed_is_not_sent(expires_at: int | None, reason: str | None) -> None:
    found = why_not(entry("evil.example", expires_at=expires_at), BLOCK, NOW)
    assert (found.code if found else None) == reason


def test_an_entry_is_written_with_its_mark_and_the_same_fields_always() -> None:
    found = entry("evil.example", comments="seen\n in  the wild", severity=Severity.CRITICAL)
    written = body(found, BLOCK, "soc", "0badcafe")
    assert written == {
        "indicatorValue": "evil.example",
        "indicatorType": "DomainName",
        "action": "Block",
        "title": "ioc-bridge: evil.example",
        "description": "soc; seen in the wild",
        "severity": "High",
        "generateAlert": False,
        "application": "ioc-bridge",
        "externalId": marker("0badcafe", "domain:evil.example"),
    }
    assert is_of(written["externalId"], "0badcafe")
    assert body(entry("evil.example"), BLOCK, "", "o")["description"] == "shared by ioc-bridge"
    later = body(entry("evil.example", AUDIT, expires_at=1_770_681_600_999), AUDIT, "", "o")
    assert later["expirationTime"] == "2026-02-10T00:00:00Z"


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_is_one_of_the_vendors(severity: Severity) -> None:
    written = body(entry("evil.example", severity=severity), BLOCK, "", "o")["severity"]
    assert written in {"Informational", "Low", "Medium", "High"}


@given(st.text(st.characters(codec="utf-8"), max_size=3_000), st.text(st.characters(codec="utf-8"), max_size=200))
def test_texts_are_never_empty_and_never_too_long(comments: str, source: str) -> None:
    written = body(entry(f"http://evil.example/{'a' * 900}", comments=comments), BLOCK, source, "o")
    for name, most in (("title", TITLE_MOST), ("description", DESCRIPTION_MOST)):
        text = written[name]
        assert isinstance(text, str)
        assert 0 < len(text) <= most
        assert text.strip()
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize("type_", IndicatorType)
def test_what_is_written_is_what_the_vendor_documents(type_: IndicatorType) -> None:
    value, kind = SAMPLES[type_]
    found = entry(value, type=type_)
    check_value(VendorType(kind), value_of(found), DefenderSwitches())
