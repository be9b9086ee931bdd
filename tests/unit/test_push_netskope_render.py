"""How indicators are written into Netskope lists; whatever is let through, the tenant's own syntax check takes."""

import re
from typing import Literal

import pytest

from schemas.record import Reason
from schemas.types import IndicatorType
from schemas.vendors.netskope import DestinationProfile, NetskopeTenant, UrlList
from services.push_netskope.render import as_read_by, form_of
from services.sandbox.netskope.urlsyntax import destination_reason, exact_reason, regex_reason
from tests.pushing import BLOCK, COVERING, HASHES, LIST, entry, netskope

REGEX = UrlList(kind="url-list", name="patterns", match="regex", subdomains="exact")
URL = IndicatorType.URL


def form(value: str, target: UrlList | DestinationProfile = LIST, type_: IndicatorType | None = None) -> str:
    found = form_of(entry(value, target, type=type_), target)
    return found if isinstance(found, str) else f"not: {found.code}"


@pytest.mark.parametrize(
    ("value", "type_", "list_entry"),
    [
        ("evil.example", None, "evil.example"),
        ("198.51.100.7", None, "198.51.100.7"),
        ("http://evil.example/", URL, "evil.example"),
        ("https://evil.example/a/b?c=d", URL, "evil.example/a/b?c=d"),
        ("http://evil.example:8080/", URL, "evil.example:8080"),
        ("http://evil.example/a b|c", URL, "evil.example/a%20b%7Cc"),
        ("http://bücher.example/ü", URL, "xn--bcher-kva.example/%C3%BC"),
        ("http://198.51.100.7/x", URL, "198.51.100.7/x"),
        ("2001:db8::1", None, "not: ipv6_not_supported"),
        ("http://[2001:db8::1]:80/x", URL, "not: ipv6_not_supported"),
        ("http://0.0.0.0/x", URL, "not: unspecified_address"),
        ("0.0.0.0", None, "not: unspecified_address"),
        ("http://203.0.113.0/24", URL, "not: reads_as_network"),
        ("http://203.0.113.0/24?x", URL, "203.0.113.0/24?x"),
        ("a" * 64, None, "not: other_family"),
        ("a_b.example", None, "not: host_name_not_supported"),
        ("_dmarc.evil.example", None, "not: host_name_not_supported"),
        ("http://-a.example/x", URL, "not: host_name_not_supported"),
        ("http://a-.example/x", URL, "not: host_name_not_supported"),
        ("http://a_b.example:8080/x", URL, "not: host_name_not_supported"),
        ("a--b.example", None, "a--b.example"),
        ("http://evil.example/a_b/-c", URL, "evil.example/a_b/-c"),
    ],
)
def test_exact_entries(value: str, type_: IndicatorType | None, list_entry: str) -> None:
    assert form(value, LIST, type_) == list_entry
    if not list_entry.startswith("not: "):
        assert exact_reason(list_entry) is None


@pytest.mark.parametrize(
    ("value", "match", "list_entry"),
    [
        ("http://Evil.example/Path%2F", "insensitive", "evil.example/path%2f"),
        ("http://Evil.example/Path%2F", "sensitive", "evil.example/Path%2F"),
        ("http://evil.example:8080/", "insensitive", "evil.example:8080"),
        ("198.51.100.7", "insensitive", "198.51.100.7"),
        ("http://203.0.113.0/24", "sensitive", "not: reads_as_network"),
        ("a_b.example", "insensitive", "not: host_name_not_supported"),
        ("a_b.example", "regex", r"^a_b\.example([:/?#]|$)"),
        ("http://203.0.113.0/24", "regex", r"^203\.0\.113\.0/24"),
        ("2001:db8::1", "insensitive", "not: ipv6_not_supported"),
        ("http://[2001:db8::1]/x", "insensitive", "not: ipv6_not_supported"),
        ("a" * 64, "insensitive", "not: other_family"),
    ],
)
def test_values_of_destination_profiles(
    value: str, match: Literal["insensitive", "sensitive", "regex"], list_entry: str
) -> None:
    profile = DestinationProfile(kind="destination-profile", name="p", match=match, subdomains="exact")
    assert form(value, profile) == list_entry
    if not list_entry.startswith("not: "):
        assert (regex_reason if match == "regex" else destination_reason)(list_entry) is None


def test_one_pattern_covers_a_domain_and_what_is_below_it() -> None:
    pattern = form("evil.example", UrlList(kind="url-list", name="patterns", match="regex"))
    matches = ["evil.example", "evil.example/x", "evil.example:80", "a.evil.example", "a.b.evil.example:8080/x?y"]
    others = [
        "notevil.example",
        "evil.example.com",
        "evilXexample",
        "good.example/evil.example",
        "a.example:1.evil.example",
    ]
    assert regex_reason(pattern) is None
    assert [text for text in [*matches, *others] if re.search(pattern, text)] == matches


@pytest.mark.parametrize(
    ("value", "type_", "matches", "not_matches"),
    [
        ("evil.example", None, ["evil.example", "evil.example/x", "evil.example:80"], ["evilXexample", "a.evil.example",
         "evil.example.com"]),
        ("http://evil.example/a+b?c", URL, ["evil.example/a+b?c", "evil.example/a+b?cd"], ["evil.example/aab?c",
         "www.evil.example/a+b?c"]),
    ],
)  # fmt: skip
def test_patterns_are_anchored_and_escaped(
    value: str, type_: IndicatorType | None, matches: list[str], not_matches: list[str]
) -> None:
    pattern = form(value, REGEX, type_)
    assert regex_reason(pattern) is None
    assert [text for text in [*matches, *not_matches] if re.search(pattern, text)] == matches


def test_a_domain_covers_what_is_below_it_unless_the_target_says_exact() -> None:
    sites = DestinationProfile(kind="destination-profile", name="p", match="sensitive")
    wildcards = as_read_by(tenant(wildcardCoversApex=True), COVERING)
    assert form("Evil.example", COVERING) == "evil.example *.evil.example"
    assert form("evil.example", LIST) == "evil.example"
    assert form("evil.example", sites) == "evil.example *.evil.example"
    assert isinstance(wildcards, UrlList)
    assert form("evil.example", wildcards) == "*.evil.example"
    assert as_read_by(tenant(wildcardCoversApex=True), sites) == sites, "no page says so of profiles"
    assert as_read_by(tenant(), COVERING) == COVERING
    for target in (COVERING, wildcards, sites):
        assert form("http://evil.example/", target) == "evil.example", "a URL is of its host alone"
        assert form("http://evil.example/a", target) == "evil.example/a"
        assert form("198.51.100.7", target) == "198.51.100.7"


def tenant(**spec: object) -> NetskopeTenant:
    found = netskope("https://acme.goskope.example", **spec).spec
    assert isinstance(found, NetskopeTenant)
    return found


@pytest.mark.parametrize(
    ("value", "expected"), [("A" * 32, "a" * 32), ("B" * 64, "b" * 64), ("c" * 40, None), ("evil.example", None)]
)
def test_a_hash_list_takes_md5_and_sha256_only(value: str, expected: str | None) -> None:
    found = form_of(entry(value, HASHES), HASHES)
    assert isinstance(found, Reason) if expected is None else found == expected


def test_a_target_of_another_vendor_is_refused_by_name() -> None:
    found = form_of(entry("evil.example"), BLOCK)
    assert isinstance(found, Reason)
    assert found.code == "other_vendor"
