"""Nearest entries: guard entries that almost cover an indicator, which a person may have expected to."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from schemas.guard_meaning import Below, Exactly, Meaning, Within, describe
from schemas.guard_networks import Network
from schemas.indicator import Indicator
from schemas.public_suffixes import registrable
from services.guards.guard_set import GuardSet
from services.guards.observable import Address, Observable

MOST: Final = 3
"""Most entries that are returned."""
_ALIKE: Final = 0.8
"""The least similarity of two names for one to count as a misspelling of the other."""
_SAME_BITS: Final = {4: 16, 6: 32}
"""Leading bits that an address must share with a network to be near it, by version."""


@dataclass(frozen=True, slots=True)
class Near:
    """An entry that does not cover the indicator: its guard, path and text, and what it covers."""

    guard: str
    path: tuple[str | int, ...]
    entry: str
    why: str


def nearest(guards: GuardSet, indicator: Indicator) -> list[Near]:
    """Return the nearest entries, the nearest first. Only for an indicator that no guard blocks."""
    observable = Observable.of(indicator.type, indicator.value)
    found = sorted(_scored(guards, observable), key=lambda one: -one[0])[:MOST]
    return [near for _, near in found]


def _scored(guards: GuardSet, observable: Observable) -> Iterator[tuple[float, Near]]:
    for name, allowed in guards.allow_lists:
        for entry in allowed.entries:
            score = max(_score(meaning, observable) for meaning in entry.meanings)
            if score:
                yield score, Near(name, entry.path, entry.text, f"covers {describe(entry.meanings)}")
    for guard, lists in guards.warning_lists:
        if (found := lists.near(observable)) is not None:
            list_name, listed = found
            path = ("spec", "warningLists", guard.spec.warning_lists.index(list_name))
            why = f"covers {listed}, not what is below it, nor a URL with a path"
            yield 0.5, Near(guard.name, path, list_name, why)


def _score(meaning: Meaning, observable: Observable) -> float:
    match meaning:
        case Below():
            return _of_names(meaning.name, observable.name)
        case Within():
            return max(_of_network(network, observable.address) for network in meaning.networks)
        case Exactly():
            other = Observable.of(meaning.indicator.type, meaning.indicator.value)
            if other.address is not None and other.address == observable.address:
                return 1.0
            return _of_names(other.name, observable.name)


def _of_names(entry: str | None, name: str | None) -> float:
    if entry is None or name is None:
        return 0.0
    if entry == name:
        return 1.0
    if registrable(entry) == registrable(name):
        return 0.9
    ratio = SequenceMatcher(None, entry, name).ratio()
    return ratio * _ALIKE if ratio >= _ALIKE else 0.0


def _of_network(network: Network, address: Address | None) -> float:
    if address is None or address.version != network.version:
        return 0.0
    same = address.max_prefixlen - (int(address) ^ int(network.network_address)).bit_length()
    return same / address.max_prefixlen if same >= _SAME_BITS[address.version] else 0.0
