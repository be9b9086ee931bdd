"""Which of many networks an address is in, in as many steps as there are lengths of prefixes."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from services.guards.observable import Address

_MAPPED = IPv6Network("::ffff:0:0/96")


class _Length(NamedTuple):
    """The networks of one version and length, by their leading bits."""

    shift: int
    owners: dict[int, str]


class CidrIndex:
    """CidrIndex with whom each belongs to. Where they overlap, the widest is found; of equal ones, the first added."""

    def __init__(self) -> None:
        self._lengths: dict[int, list[_Length]] = {4: [], 6: []}

    def add(self, network: IPv4Network | IPv6Network, owner: str) -> None:
        """Add a network. One of IPv4-mapped addresses is the IPv4 network, as the addresses themselves are."""
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
            bits = int(network.network_address) & 0xFFFF_FFFF
            network = IPv4Network((bits, network.prefixlen - _MAPPED.prefixlen))
        shift = network.max_prefixlen - network.prefixlen
        lengths = self._lengths[network.version]
        length = next((found for found in lengths if found.shift == shift), None)
        if length is None:
            length = _Length(shift, {})
            lengths.append(length)
            lengths.sort(key=lambda found: -found.shift)
        length.owners.setdefault(int(network.network_address) >> shift, owner)

    def add_text(self, text: str, owner: str) -> bool:
        """Add a network in CIDR notation, or a single address. False where the text is neither.

        Bits behind the prefix are ignored: who writes 192.0.2.9/24 means the network.
        """
        try:
            self.add(ip_network(text, strict=False), owner)
        except ValueError:
            return False
        return True

    def find(self, address: Address) -> str | None:
        """Whom the address belongs to."""
        number = int(address)
        for shift, owners in self._lengths[address.version]:
            owner = owners.get(number >> shift)
            if owner is not None:
                return owner
        return None
