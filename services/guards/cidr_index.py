"""Which of many networks an address is in, in as many steps as there are lengths of prefixes."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Generic, NamedTuple, TypeVar

from schemas.guard_networks import Network, unmapped
from services.guards.observable import Address

Owner = TypeVar("Owner")


class _Length(NamedTuple, Generic[Owner]):
    """The networks of one version and length, by their leading bits."""

    shift: int
    owners: dict[int, Owner]


class CidrIndex(Generic[Owner]):
    """Networks, each with its owner. Where they overlap, the widest comes first; of equal ones only the first added."""

    def __init__(self) -> None:
        self._lengths: dict[int, list[_Length[Owner]]] = {4: [], 6: []}

    def add(self, network: Network, owner: Owner) -> None:
        """Add a network. One of IPv4-mapped addresses is the IPv4 network, as the addresses themselves are."""
        network = unmapped(network)
        shift = network.max_prefixlen - network.prefixlen
        lengths = self._lengths[network.version]
        length = next((found for found in lengths if found.shift == shift), None)
        if length is None:
            length = _Length[Owner](shift, {})
            lengths.append(length)
            lengths.sort(key=lambda found: -found.shift)
        length.owners.setdefault(int(network.network_address) >> shift, owner)

    def add_text(self, text: str, owner: Owner) -> None:
        """Add a network in CIDR notation, or a single address. Raises ValueError where the text is neither.

        Bits behind the prefix are ignored: who writes 192.0.2.9/24 means the network.
        """
        self.add(ip_network(text, strict=False), owner)

    def find(self, address: Address) -> Owner | None:
        """The owner of the widest network that the address is in."""
        number = int(address)
        for shift, owners in self._lengths[address.version]:
            owner = owners.get(number >> shift)
            if owner is not None:
                return owner
        return None

    def find_all(self, address: Address) -> Iterator[Owner]:
        """The owners of all networks that the address is in, the widest first."""
        number = int(address)
        for shift, owners in self._lengths[address.version]:
            owner = owners.get(number >> shift)
            if owner is not None:
                yield owner
