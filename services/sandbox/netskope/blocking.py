"""Matching of addresses by a policy that uses every URL list and destination profile of a tenant. Pure.

An address is what a user visits, without its scheme: `host[:port][/path]`. An exact entry matches its host alone, and
what begins with its path; `*.host` matches what is below the host. Whether it matches the host itself as well is a
switch for URL lists, as Netskope's pages contradict each other; of destination profiles no page says so. A regular
expression is searched in the address. Sources: Netskope, "URL Lists" (its table of what matches), "URL List Best
Practices".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY: Final = re.compile(r"[^/?#]*")
_RANGE: Final = re.compile(r"(?:RANGE:)?([0-9.]+)-([0-9.]+)")
_NETWORK: Final = re.compile(r"(?:CIDR:)?([0-9.]+/[0-9]+)")


@dataclass(frozen=True, slots=True)
class Address:
    """An address or an exact entry in its parts. `port` and `tail` may be empty."""

    host: str
    port: str
    tail: str


def parts_of(text: str) -> Address:
    """An address or an exact entry, taken apart; the scheme is ignored."""
    rest = text[found.end() :] if (found := _SCHEME.match(text)) else text
    authority = str((_AUTHORITY.match(rest) or [""])[0])
    host, _, port = authority.partition(":")
    tail = rest[len(authority) :]
    return Address(host.lower(), port, "" if tail == "/" else tail)


def matches_exact(entries: Iterable[str], address: str, *, covers_apex: bool, ignores_case: bool = False) -> bool:
    """Whether one of these exact entries matches an address. `covers_apex`: `*.host` matches `host` itself."""
    visited = parts_of(address)
    return any(_matches(entry, visited, covers_apex=covers_apex, ignores_case=ignores_case) for entry in entries)


def matches_pattern(patterns: Iterable[str], address: str) -> bool:
    """Whether one of these regular expressions matches an address."""
    rest = address[found.end() :] if (found := _SCHEME.match(address)) else address
    return any(re.search(pattern, rest) for pattern in patterns)


def _matches(entry: str, visited: Address, *, covers_apex: bool, ignores_case: bool) -> bool:
    span, network = _RANGE.fullmatch(entry), _NETWORK.fullmatch(entry)
    if span or network:
        try:
            address = IPv4Address(visited.host)
        except AddressValueError:
            return False
        if span:
            return IPv4Address(span[1]) <= address <= IPv4Address(span[2])
        return network is not None and address in IPv4Network(network[1])
    wanted = parts_of(entry)
    if wanted.host.startswith("*."):
        apex = wanted.host[2:]
        is_host = visited.host.endswith(f".{apex}") or (covers_apex and visited.host == apex)
    else:
        is_host = visited.host == wanted.host
    tail, prefix = (visited.tail, wanted.tail) if not ignores_case else (visited.tail.lower(), wanted.tail.lower())
    return is_host and wanted.port in ("", visited.port) and tail.startswith(prefix)
