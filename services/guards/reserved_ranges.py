"""Reserved ranges: addresses and names that are valid only within one machine or network, or not at all.

Documentation addresses and names (RFC 5737, 3849, 9637, 2606) are excluded: sharing them does no harm, and examples,
tests and the sandbox use them.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import Final

from services.guards.observable import Address, Observable

_DOCUMENTATION: Final = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
_SHARED: Final = ip_network("100.64.0.0/10")  # RFC 6598; `ipaddress` calls it neither private nor global
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052; within ::/8, which `ipaddress` calls reserved

_SUSPECT_V4: Final = frozenset((0, 10, 100, 127, 169, 172, 192, 198, 203, *range(224, 256)))
"""First octets of ranges with special IPv4 addresses. Skips the check of all others, which takes `ipaddress` ten times
as long as all else that guards do.
"""
_PLAIN_V6: Final = range(0x2003, 0x3FFF)
"""First groups of IPv6 ranges without special addresses."""

_KINDS: Final = (
    ("is_unspecified", "unspecified"),
    ("is_loopback", "loopback"),
    ("is_link_local", "link-local"),
    ("is_site_local", "site-local"),
    ("is_multicast", "multicast"),
    ("is_reserved", "reserved"),
    ("is_private", "private"),
)
"""The most specific first: for `ipaddress`, most special addresses are also private."""

_LOCAL: Final[dict[str, str]] = {
    **dict.fromkeys(("localhost", "test", "invalid"), "special-use name (RFC 6761)"),
    "local": "local name (RFC 6762)",
    "home.arpa": "local name (RFC 8375)",
    "internal": "local name (reserved by ICANN)",
    # Never delegated, because networks use them internally: RFC 6762, appendix G, and ICANN's name collision findings.
    **dict.fromkeys(("intranet", "private", "corp", "home", "lan", "localdomain"), "local name"),
    **dict.fromkeys(
        (
            *("0.in-addr.arpa", "10.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "168.192.in-addr.arpa"),
            *(f"{second}.172.in-addr.arpa" for second in range(16, 32)),
            *("d.f.ip6.arpa", *(f"{nibble}.e.f.ip6.arpa" for nibble in "89ab")),
        ),
        "reverse name of local addresses (RFC 6303)",
    ),
}
_TOPS: Final = frozenset(name.rpartition(".")[2] for name in _LOCAL)


def special(observable: Observable) -> str | None:
    """Return the kind of a special address or name, or None for an ordinary one. A URL counts as its host."""
    if observable.address is not None:
        return kind_of(observable.address)
    return None if observable.name is None else _kind_of_name(observable.name)


def kind_of(address: Address) -> str | None:
    """Return the kind of a special address, or None. One that wraps an IPv4 address (NAT64, 6to4) counts as that."""
    if isinstance(address, IPv4Address):
        if int(address) >> 24 not in _SUSPECT_V4:
            return None
    elif int(address) >> 112 in _PLAIN_V6:
        return None
    elif (inner := _wrapped(address)) is not None:
        return kind_of(inner)
    if address.is_global and not (address.is_multicast or address.is_reserved) and not _is_site_local(address):
        return None
    if any(address in network for network in _DOCUMENTATION):
        return None
    for name, kind in _KINDS:
        if getattr(address, name, False):
            return f"{kind} address"
    return "shared address space" if address in _SHARED else "address that is not global"


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_site_local(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.is_site_local  # RFC 3879; `ipaddress` calls it global


def _kind_of_name(name: str) -> str | None:
    if name[name.rfind(".") + 1 :] not in _TOPS:
        return None
    while name:
        if (kind := _LOCAL.get(name)) is not None:
            return kind
        name = name.partition(".")[2]
    return None
