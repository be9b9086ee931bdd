"""Special addresses and names are kept back; those of documentation, which the world's examples use, are not."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.types import IndicatorType
from services.guards.observable import Observable
from services.guards.reserved_ranges import kind_of, special

DOCUMENTATION = [
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]


def _kind(value: str, kind: IndicatorType) -> str | None:
    return special(Observable.of(kind, value))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.1.2.3", "private address"),
        ("172.31.0.1", "private address"),
        ("198.18.0.1", "private address"),
        ("127.0.0.1", "loopback address"),
        ("169.254.1.1", "link-local address"),
        ("100.64.0.1", "shared address space"),
        ("0.0.0.0", "unspecified address"),
        ("224.0.0.1", "multicast address"),
        ("255.255.255.255", "reserved address"),
        ("192.0.0.1", "private address"),
        ("::1", "loopback address"),
        ("fe80::1", "link-local address"),
        ("fec0::1", "site-local address"),
        ("fd00::1", "private address"),
        ("ff02::1", "multicast address"),
        ("64:ff9b::a00:1", "private address"),
        ("64:ff9b::808:808", None),
        ("2002:a00:1::", "private address"),
        ("2002:808:808::", None),
        ("8.8.8.8", None),
        ("100.63.255.255", None),
        ("172.32.0.1", None),
        ("2606:4700::1111", None),
        ("198.51.100.7", None),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("3fff::1", None),
    ],
)
def test_addresses_alone_and_in_urls(address: str, kind: str | None) -> None:
    type_, host = (IndicatorType.IPV6, f"[{address}]") if ":" in address else (IndicatorType.IPV4, address)
    assert _kind(address, type_) == kind
    assert _kind(f"https://{host}:8443/a?b", IndicatorType.URL) == kind


def test_a_mapped_address_is_the_ipv4_one() -> None:
    assert _kind("http://[::ffff:a00:1]/", IndicatorType.URL) == "private address"


@pytest.mark.parametrize("name", ["printer.local", "db.corp.internal", "a.localhost", "nas.home.arpa", "x.lan",
                                  "1.0.16.172.in-addr.arpa"])  # fmt: skip
def test_local_names(name: str) -> None:
    assert _kind(name, IndicatorType.DOMAIN) is not None
    assert _kind(f"http://{name}/x", IndicatorType.URL) is not None


@pytest.mark.parametrize("name", ["evil.example", "example.com", "www.example.org", "mylocal.com", "local.evil.com",
                                  "xlocal", "abc.onion", "8.8.8.8.in-addr.arpa", "a.xn--p1ai"])  # fmt: skip
def test_other_names(name: str) -> None:
    assert _kind(name, IndicatorType.DOMAIN) is None


def test_a_hash_is_never_special() -> None:
    assert _kind("0" * 32, IndicatorType.MD5) is None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_the_answer_is_that_of_the_standard_library(address: IPv4Address | IPv6Address) -> None:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is None and address in ip_network("64:ff9b::/96"):
        inner = ip_address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        assert kind_of(address) == kind_of(inner)
        return
    expected = not address.is_global or address.is_multicast or address.is_reserved
    expected = expected or getattr(address, "is_site_local", False)
    documented = any(address in network for network in DOCUMENTATION)
    assert (kind_of(address) is not None) == (expected and not documented)
