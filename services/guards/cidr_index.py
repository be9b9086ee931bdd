"""An index of networks. A search takes one step for each length of prefix."""

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
    """Networks with their owners. Of overlapping networks the widest comes first; of equal ones the first added."""

    def __init__(self) -> None:
        self._lengths: dict[int, list[_Length[Owner]]] = {4: [], 6: []}

    def add(self, network: Network, owner: Owner) -> None:
        """Add a network. A network of IPv4-mapped addresses counts as the IPv4 network."""
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
        """Add a network in CIDR notation, or a single address. Ignores bits behind the prefix.

        Raises:
            ValueError: the text is neither.

        """
        self.add(ip_network(text, strict=False), owner)

    def find(self, address: Address) -> Owner | None:
        """Return the owner of the widest network that contains the address, or None."""
        number = int(address)
        for shift, owners in self._lengths[address.version]:
            owner = owners.get(number >> shift)
            if owner is not None:
                return owner
        return None

    def find_all(self, address: Address) -> Iterator[Owner]:
        """Yield the owners of all networks that contain the address, the widest first."""
        number = int(address)
        for shift, owners in self._lengths[address.version]:
            owner = owners.get(number >> shift)
            if owner is not None:
                yield owner
