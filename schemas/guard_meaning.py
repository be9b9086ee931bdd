"""Meanings of guard entries, and their texts. An entry may have several meanings and covers all of them."""

from dataclasses import dataclass
from ipaddress import IPv6Network

from schemas.canonical import Canonical
from schemas.guard_networks import MAPPED, Network
from schemas.public_suffixes import is_public_suffix, suffix_below
from schemas.types import Family, IndicatorType

_ON = "alone or as the host of a URL"


@dataclass(frozen=True, slots=True)
class Exactly:
    """One indicator and nothing else."""

    indicator: Canonical

    def __str__(self) -> str:
        """What it covers, for people."""
        found = self.indicator
        if found.type.family is Family.HASH:
            return f"the file with the {found.type} {found.value}"
        if found.type is IndicatorType.URL:
            return f"the URL {found.value} alone"
        more = "nothing below it and " if found.type is IndicatorType.DOMAIN else ""
        return f"{found.value} alone, {more}no URL on it"


@dataclass(frozen=True, slots=True)
class Below:
    """A canonical name and everything below it."""

    name: str

    def __str__(self) -> str:
        """What it covers, for people."""
        many = is_public_suffix(self.name) or suffix_below(self.name) is not None
        shared = ", which are names of many owners" if many else ""
        return f"{self.name} and everything below it{shared}, {_ON}"


@dataclass(frozen=True, slots=True)
class Within:
    """Every address in some adjacent networks."""

    networks: tuple[Network, ...]

    def __str__(self) -> str:
        """What it covers, for people."""
        found, last = self.networks[0], self.networks[-1]
        if found is not last:
            return f"{found[0]} to {last[-1]}, {_ON}"
        if found.num_addresses == 1:
            return f"{found.network_address}, {_ON}"
        wide = isinstance(found, IPv6Network) and found.supernet_of(MAPPED)
        more = ", without IPv4: write 0.0.0.0/0 for that" if wide else ""
        return f"{found} ({found[0]} to {found[-1]}{more}), {_ON}"


Meaning = Exactly | Below | Within


def describe(meanings: tuple[Meaning, ...]) -> str:
    """Everything that an entry covers, in one line."""
    return "; ".join(map(str, meanings))
