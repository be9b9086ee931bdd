"""The entries of NO_PROXY: which hosts are reached directly. Pure.

Entries are separated by commas or blanks. An entry is one of:
- `*`: every host
- a host or domain: the host and all below it, with or without a leading `.` or `*.`, in any case
- an IPv4 or IPv6 address, in brackets or not; an IPv4 address written as IPv6 is the same address
- a network of either kind; bits beyond its prefix are ignored
- a host or address with `:port`; an IPv6 address then needs brackets
Sources: curl's documentation of `--noproxy`; that of requests on proxies.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SEPARATORS: Final = re.compile(r"[,\s]+")
_BRACKETED: Final = re.compile(r"\[([^\]]*)\](?::([0-9]+))?")
_WITH_PORT: Final = re.compile(r"([^:]*):([0-9]+)")
_DOMAIN: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBERS: Final = re.compile(r"[0-9.]+")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class EntryError(ValueError):
    """An entry is unreadable."""

    def __init__(self, entry: str) -> None:
        super().__init__(entry)
        self.entry = entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. A field of None matches anything; an entry with neither domain nor network covers every host."""

    domain: str | None = None
    network: Network | None = None
    port: int | None = None

    def covers(self, host: str, port: int) -> bool:
        """Whether a host is reached directly. `host` is in ASCII, an IPv6 address without brackets."""
        if self.port not in (None, port):
            return False
        address = _address(host.strip("[]"))
        if self.network is not None:
            return address is not None and address.version == self.network.version and address in self.network
        if self.domain is None:
            return True
        name = host.lower().rstrip(".")
        return address is None and (name == self.domain or name.endswith(f".{self.domain}"))


@lru_cache(maxsize=8)
def read_entries(text: str) -> Sequence[Entry]:
    """Read the value of NO_PROXY.

    Raises:
        EntryError: an entry is unreadable.

    """
    return tuple(_read(part) for part in _SEPARATORS.split(text) if part)


def _read(text: str) -> Entry:
    if text == "*":
        return Entry()
    if "/" in text:
        return Entry(network=_network(text))
    if bracketed := _BRACKETED.fullmatch(text):
        address = _address(bracketed[1])
        if address is None or ":" not in bracketed[1]:
            raise EntryError(text)
        return Entry(network=ip_network(address), port=_port(bracketed[2], text))
    if (address := _address(text)) is not None:
        return Entry(network=ip_network(address))
    with_port = _WITH_PORT.fullmatch(text)
    host, port = (with_port[1], _port(with_port[2], text)) if with_port else (text, None)
    if host == "*":
        return Entry(port=port)
    if (address := _address(host)) is not None:
        return Entry(network=ip_network(address), port=port)
    return Entry(domain=_domain(host, text), port=port)


def _port(digits: str | None, text: str) -> int | None:
    if digits is None:
        return None
    if len(digits) > 5 or not 1 <= int(digits) <= 65_535:
        raise EntryError(text)
    return int(digits)


def _network(text: str) -> Network:
    base, _, prefix = text.partition("/")
    if base.startswith("["):  # both [fd01::]/48 and [fd01::/48] occur
        base, prefix = base[1:].removesuffix("]"), prefix.removesuffix("]")
    try:
        network = ip_network(f"{base}/{prefix}", strict=False)
    except ValueError:
        raise EntryError(text) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network


def _address(text: str) -> Address | None:
    """Return the address without its zone, or None if the text is not an address."""
    try:
        address = ip_address(text.partition("%")[0].rstrip(".") if ":" not in text else text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _domain(host: str, text: str) -> str:
    name = host.lower().removeprefix("*").strip(".") if host.startswith("*.") else host.lower().strip(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise EntryError(text) from None
    if not _DOMAIN.fullmatch(name) or _NUMBERS.fullmatch(name):
        raise EntryError(text)
    return name
