"""Reads address ranges: CIDR notation, netmasks, spans of two addresses, open octets, single addresses."""

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Final

from schemas._canonical_refang import refang

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAPPED: Final = IPv6Network("::ffff:0:0/96")
"""IPv4-mapped addresses (RFC 4291). They are treated as the IPv4 addresses in them."""

_SPAN = re.compile(r"(?P<first>[0-9A-Fa-f:.]+)\s*[-–—]\s*(?P<last>[0-9A-Fa-f:.]+)")
_OPEN = re.compile(r"(?P<given>(?:\d{1,3}\.){1,3})(?:\*\.){0,2}\*")
_NETWORK_LIKE = re.compile(r"\[?(?:[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)\]?(?:/[0-9.]+|\s*[-–—]\s*[0-9A-Fa-f:.]+)")


def read_networks(text: str) -> tuple[Network, ...] | None:
    """The networks that a text means; None if it means none.

    Ignores bits after the prefix: 192.0.2.9/24 means the network.
    """
    plain = refang(text)
    address, slash, prefix = plain.partition("/")
    if address[:1] == "[" and address[-1:] == "]":
        address = address[1:-1]
    if (span := _SPAN.fullmatch(plain)) is not None:
        return _span(span["first"], span["last"])
    if (found := _OPEN.fullmatch(plain)) is not None:
        given = found["given"].rstrip(".").split(".")
        if plain.count(".") > 3:
            return None
        address, slash, prefix = ".".join([*given, *"000"][:4]), "/", str(8 * len(given))
    try:
        network = ip_network(f"{address}{slash}{prefix}", strict=False)
    except ValueError:
        return None
    return None if "%" in address else (unmapped(network),)


def looks_like_network(text: str) -> bool:
    """Whether a text looks like a range of addresses. Used for a precise error."""
    return _NETWORK_LIKE.fullmatch(refang(text)) is not None


def unmapped(network: Network) -> Network:
    """The network; for IPv4-mapped addresses the IPv4 network."""
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        bits = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((bits, network.prefixlen - MAPPED.prefixlen))
    return network


def _span(first: str, last: str) -> tuple[Network, ...] | None:
    try:
        start = ip_address(first)
        if last.isdecimal() and isinstance(start, IPv4Address):
            last = f"{first.rpartition('.')[0]}.{last}"
        end = ip_address(last)
        if isinstance(start, IPv4Address) and isinstance(end, IPv4Address):
            return tuple(summarize_address_range(start, end))
        if isinstance(start, IPv6Address) and isinstance(end, IPv6Address):
            return tuple(unmapped(found) for found in summarize_address_range(start, end))
    except ValueError:
        pass
    return None
