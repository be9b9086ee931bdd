"""Which indicators warning lists keep back: held against a naive reading of the lists, and against real malware."""

from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from schemas import warning_lists
from schemas.canonical import Refused, canonicalise
from schemas.public_suffixes import MORE_SUFFIXES
from schemas.resources.guard import DEFAULT_LISTS
from schemas.types import Family, IndicatorType
from services.guards.observable import Observable
from services.guards.warning_list_index import OWNERS, warning_list_index

SAMPLE = Path(__file__).parents[1] / "data" / "indicators.tsv"
LISTS = ("google", "microsoft", "bank-website", "whats-my-ip", "cloudflare", "apple", "umbrella-blockpage-v6",
         "eicar.com", "lots-project")  # fmt: skip


def find(text: str, *lists: str, declared: IndicatorType | None = None) -> str | None:
    found = canonicalise(text, declared)
    return warning_list_index(lists).find(Observable.of(found.type, found.value))


@pytest.mark.parametrize(
    ("indicator", "lists", "found"),
    [
        ("github.com", ("tranco10k",), True),
        ("www.facebook.com", ("tranco10k",), True),
        ("HXXPS://github[.]com", ("tranco10k",), True),
        ("https://github.com:8443/", ("tranco10k",), True),
        ("https://github.com/evil/payload.exe", ("tranco10k",), False),
        ("https://github.com/?u=1", ("tranco10k",), False),
        ("evil.github.io", ("tranco10k",), False),
        ("evil.000webhostapp.com", ("tranco10k", "majestic_million", "lots-project", "dynamic-dns"), False),
        ("evil.duckdns.org", ("tranco10k", "dynamic-dns"), False),
        ("mail.google.de", ("google",), True),
        ("evil.translate.goog", ("google",), False),
        ("evil.blogspot.com", ("google",), False),
        ("login.live.com", ("microsoft",), True),
        ("evil.azurewebsites.net", ("microsoft",), False),
        ("evil.westus3.cloudapp.azure.com", ("microsoft",), False),
        ("evil-my.sharepoint.com", ("microsoft",), False),
        ("online.bmw.de", ("dax30",), True),
        ("notbmw.de", ("dax30",), False),
        ("13.107.128.1", ("microsoft-office365-ip",), True),
        ("104.16.1.1", ("cloudflare",), True),
        ("http://104.16.1.1/", ("cloudflare",), True),
        ("http://104.16.1.1/x", ("cloudflare",), False),
        ("http://[::ffff:6810:101]/", ("cloudflare",), True),
        ("2606:4700::1", ("cloudflare",), True),
        ("2620:0::1", ("cloudflare",), False),
        ("146.112.61.104", ("umbrella-blockpage-v6",), True),
        ("D41D8CD98F00B204E9800998ECF8427E", ("empty-hashes",), True),
        ("d41d8cd98f00b204e9800998ecf8427f", ("empty-hashes",), False),
        ("0-mail.com", ("disposable-email",), False),
        ("example.com", (), False),
        ("example.com", ("no-such-list",), False),
    ],
)
def test_what_is_benign(indicator: str, lists: tuple[str, ...], found: bool) -> None:
    assert (find(indicator, *lists) is not None) == found


def test_the_first_list_that_has_it_is_named() -> None:
    assert find("google.com", "google", "tranco10k") == "google"
    assert find("google.com", "tranco10k", "google") == "tranco10k"


def test_names_are_those_of_the_wheel_and_others_are_refused() -> None:
    assert {"google", "tranco", "rfc1918"} <= warning_lists.names()
    assert "schema.json" not in warning_lists.names()
    with pytest.raises(KeyError, match="nonesuch"):
        warning_lists.load("nonesuch")


def test_default_lists_keep_no_real_malware_back() -> None:
    index, read = warning_list_index(DEFAULT_LISTS), 0
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        try:
            found = canonicalise(line.partition("\t")[0])
        except Refused:
            continue
        read += 1
        assert index.find(Observable.of(found.type, found.value)) is None, found
    assert read > 150


@cache
def _entries(name: str) -> tuple[str, tuple[str, ...]]:
    found = warning_lists.load(name)
    return found.type, tuple(found.list)


@cache
def _networks(name: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(entry) for entry in _entries(name)[1]]


LIBRARY = PublicSuffixList(accept_unknown=False)


def _lent(name: str) -> bool:
    return name in MORE_SUFFIXES or LIBRARY.is_public(name)


def _naive(kind: IndicatorType, value: str, name: str) -> bool:
    """One entry after the other, by the words of docs/reference/guards.md."""
    if kind is IndicatorType.URL:
        parts = urlsplit(value)
        if parts.path != "/" or parts.query:
            return False
        value = str(parts.hostname)
    type_, entries = _entries(name)
    if type_ == "cidr":
        try:
            address = ip_address(value)
        except ValueError:
            return False
        mapped = ip_address(f"::ffff:{address}") if address.version == 4 else getattr(address, "ipv4_mapped", None)
        return any(one in network for network in _networks(name) for one in (address, mapped) if one)
    site = value.removeprefix("www.")
    for entry in entries:
        bare = entry.removeprefix(".").lower()
        if "." not in bare and kind.family is Family.URL:  # a hash, or a name within one network
            continue
        if value == bare or (site == bare and not (_lent(value) or _lent(site))):
            return True
        inner = name in OWNERS and (type_ != "string" or entry != bare) and value.endswith(f".{bare}")
        labels = value[: -len(bare)].split(".")[:-1] if inner else []
        if inner and not any(_lent(value.split(".", n)[-1]) for n in range(len(labels) + 1)):
            return True
    return False


def _entry_or_near(name: str) -> st.SearchStrategy[str]:
    def near(entry: str) -> st.SearchStrategy[str]:
        bare = entry.removeprefix(".").lower()
        if "/" in bare:
            network = ip_network(bare)
            return st.sampled_from((str(network[0]), str(network[-1]), str(network[-1] + 1)))
        return st.sampled_from((bare, f"www.{bare}", f"x.{bare}", f"x.y.{bare}", f"x{bare}", bare.partition(".")[2]))

    return st.sampled_from(_entries(name)[1]).flatmap(near)


@settings(deadline=None)
@given(st.data(), st.sampled_from(LISTS), st.sampled_from(("", "http://{}/", "https://{}:8443/", "http://{}/x?y")))
def test_the_index_agrees_with_a_reading_of_every_entry(data: st.DataObject, source: str, shape: str) -> None:
    text = data.draw(_entry_or_near(source))
    host = f"[{text}]" if ":" in text and shape else text
    try:
        found = canonicalise(shape.format(host) if shape else text)
    except Refused:
        return
    for name in LISTS:
        here = warning_list_index((name,)).find(Observable.of(found.type, found.value))
        assert (here is not None) == _naive(found.type, found.value, name), (found, name)
