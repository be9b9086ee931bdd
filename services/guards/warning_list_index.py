"""Which indicators MISP warning lists call benign. docs/reference/guards.md says when, and why so.

Invariant: what somebody else may have put below a popular or lent name is never benign for the name's sake. So what is
below an entry counts only where the entry says so, and never past a name under which strangers get names of their own.
"""

import re
from functools import cache, lru_cache
from typing import Final

from schemas.canonical import Refused, canonicalise
from schemas.types import Family, IndicatorType
from schemas.warning_lists import load, names
from services.guards.cidr_index import CidrIndex
from services.guards.observable import Observable

OWNERS: Final = frozenset({
    "automated-malware-analysis", "bank-website", "dax30", "google", "microsoft", "microsoft-attack-simulator",
    "umbrella-blockpage-hostname",
})  # fmt: skip
"""Lists of names that one owner answers for, with what is below them. All others are of popular names, of hosters and
shorteners, or a mixture: below those, anybody may have put anything.
"""
SUFFIXES: Final = "second-level-tlds"
"""The list (Mozilla's) of names directly below which strangers register."""
MORE_SUFFIXES: Final = frozenset({
    "azurefd.net", "cloudapp.azure.com", "cloudapp.azure.net", "files.1drv.com", "livefilestore.com", "msecnd.net",
    "sharepoint.com", "visualstudio.com", "vo.msecnd.net", "windows.net",
})  # fmt: skip
"""What that list lacks, or has with a wildcard that the copy has lost: Microsoft's, for names of its customers."""

_NAMES = frozenset({"domain", "hostname", "hostname|port", "url", "uri"})
_ADDRESSES = frozenset({"ip-src", "ip-dst", "ip-src|port", "ip-dst|port"})
_DIGESTS = frozenset({"md5", "sha1", "sha256"})
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


class WarningListIndex:
    """Chosen lists, made ready to be asked. Where several have an indicator, the first one is named."""

    def __init__(self, chosen: tuple[str, ...]) -> None:
        self._hashes: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        self._networks = CidrIndex()
        for name in chosen:
            if name in names():
                self._add(name)

    def _add(self, name: str) -> None:
        found = load(name)
        about = frozenset(getattr(found, "matching_attributes", ()))
        if found.type == "cidr":
            if about & _ADDRESSES:
                for entry in found.list:
                    self._networks.add_text(entry, name)
        elif found.type != "regex":
            for entry in found.list:
                self._add_entry(name, found.type, about, entry)

    def _add_entry(self, name: str, kind: str, about: frozenset[str], entry: str) -> None:
        value = _canonical(entry.removeprefix("."))
        if value is None:
            return
        type_, text = value
        if type_ is IndicatorType.DOMAIN and about & _NAMES:
            self._exact.setdefault(text, name)
            if name in OWNERS and (kind != "string" or entry[0] == ".") and text not in suffixes():
                self._below.setdefault(text, name)
        elif type_.family is Family.HASH:
            if about & _DIGESTS:
                self._hashes.setdefault(text, name)
        elif about & _ADDRESSES:
            self._networks.add_text(text, name)

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
        lent = suffixes()
        if name in lent:
            return None
        above = name.partition(".")[2]
        if name.startswith("www.") and above not in lent and (found := self._exact.get(above)) is not None:
            return found
        while above and above not in lent:
            if (found := self._below.get(above)) is not None:
                return found
            above = above.partition(".")[2]
        return None


@cache
def suffixes() -> frozenset[str]:
    """Names directly below which strangers have names of their own."""
    return MORE_SUFFIXES.union(load(SUFFIXES).list)


@lru_cache(maxsize=16)
def warning_list_index(chosen: tuple[str, ...]) -> WarningListIndex:
    """The index over some lists. A name that the installed wheel does not have is of no effect."""
    return WarningListIndex(chosen)


def _canonical(entry: str) -> tuple[IndicatorType, str] | None:
    """An entry's type and value; None for what no indicator can equal. Most are names that need no further reading."""
    if _NAME.fullmatch(entry) and len(entry) < 254:
        return IndicatorType.DOMAIN, entry
    try:
        found = canonicalise(entry)
    except Refused:
        return None
    return None if found.type is IndicatorType.URL else (found.type, found.value)
