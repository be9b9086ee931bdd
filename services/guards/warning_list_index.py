"""Which indicators MISP warning lists call benign. docs/reference/guards.md says when, and why so.

Invariant: what somebody else may have put below a popular or lent name is never benign for the name's sake. So what is
below an entry counts only where the entry says so, and never past a name under which strangers get names of their own.
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
"""Lists of names that one owner answers for, with what is below them. All others are of popular names, of hosters and
shorteners, or a mixture: below those, anybody may have put anything.
"""


class WarningListIndex:
    """Chosen lists, made ready to be asked. Where several have an indicator, the first one is named."""

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
        """The list that calls this benign; None when none does."""
        if not observable.whole:
            return None
        if observable.address is not None:
            return self._networks.find(observable.address)
        if observable.name is None:
            return self._hashes.get(observable.value)
        return self._exact.get(observable.name) or self._find_above(observable.name)

    def _find_above(self, name: str) -> str | None:
        """By the names above that belong to the same owner; `www.` is the site itself, whatever the list."""
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
        """The list, and its entry, that has the host or a name above it and yet does not keep the observable back."""
        name = observable.name or ""
        while name:
            if (found := self._exact.get(name)) is not None:
                return found, name
            name = name.partition(".")[2]
        return None


@lru_cache(maxsize=16)
def warning_list_index(chosen: tuple[str, ...]) -> WarningListIndex:
    """The index over some lists. A name that the installed wheel does not have is of no effect."""
    return WarningListIndex(chosen)
