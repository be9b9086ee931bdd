"""An index of MISP warning lists: which indicators they call benign. See docs/reference/guards.md.

Invariant: a name below a listed one is benign only if one owner controls both. So names below an entry count only for
lists in `OWNERS`, and never below a public suffix.
"""

from functools import lru_cache
from typing import Final

from schemas.public_suffixes import is_public_suffix
from schemas.types import Family
from schemas.warning_lists import listed, names
from services.guards.cidr_index import CidrIndex
from services.guards.observable import Observable

OWNERS: Final = frozenset({
    "automated-malware-analysis", "bank-website", "dax30", "google", "microsoft", "microsoft-attack-simulator",
    "umbrella-blockpage-hostname",
})  # fmt: skip
"""Lists of names whose owners also control all names below them. The other lists hold popular names, hosters and
shorteners, below which other people may publish.
"""


class WarningListIndex:
    """An index of the chosen lists. If several lists have an indicator, the first one counts."""

    def __init__(self, chosen: tuple[str, ...]) -> None:
        self._hashes: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        self._networks = CidrIndex[str]()
        for name in chosen:
            if name in names():
                self._add(name)

    def _add(self, name: str) -> None:
        for entry in listed(name):
            if entry.type is None:
                self._networks.add_text(entry.value, name)
            elif entry.type.family is Family.HASH:
                self._hashes.setdefault(entry.value, name)
            else:
                self._exact.setdefault(entry.value, name)
                below = name in OWNERS and (entry.kind != "string" or entry.raw[0] == ".")
                if below and not is_public_suffix(entry.value):
                    self._below.setdefault(entry.value, name)

    def find(self, observable: Observable) -> str | None:
        """Return the list that calls the observable benign, or None."""
        if not observable.whole:
            return None
        if observable.address is not None:
            return self._networks.find(observable.address)
        if observable.name is None:
            return self._hashes.get(observable.value)
        return self._exact.get(observable.name) or self._find_above(observable.name)

    def _find_above(self, name: str) -> str | None:
        """Search the names above that belong to the same owner. `www.` counts as the site itself in every list."""
        above = name.partition(".")[2]
        if name.startswith("www.") and (found := self._exact.get(above)) is not None:
            return None if is_public_suffix(name) or is_public_suffix(above) else found
        if not self._below or is_public_suffix(name):
            return None
        while above and not is_public_suffix(above):
            if (found := self._below.get(above)) is not None:
                return found
            above = above.partition(".")[2]
        return None

    def near(self, observable: Observable) -> tuple[str, str] | None:
        """Return a list and its entry that has the host or a name above it without blocking the observable, or None."""
        name = observable.name or ""
        while name:
            if (found := self._exact.get(name)) is not None:
                return found, name
            name = name.partition(".")[2]
        return None


@lru_cache(maxsize=16)
def warning_list_index(chosen: tuple[str, ...]) -> WarningListIndex:
    """Return the index of these lists. Names that the installed package does not have are ignored."""
    return WarningListIndex(chosen)
