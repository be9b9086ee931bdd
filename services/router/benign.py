"""Which indicators MISP warning lists call benign. docs/reference/guards.md says when, and why so.

Invariant: what somebody else may have put below a popular or lent name is never benign for the name's sake. So what is
below an entry counts only where the entry says so, and never past a name under which strangers get names of their own.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from schemas.canonical import Refused, canonicalise
from schemas.types import Family, IndicatorType
from schemas.warning_lists import load, names
from services.router.keeper_networks import Networks
from services.router.keeper_subject import Subject

POPULAR: Final = frozenset({
    "alexa", "cisco_top1000", "cisco_top5k", "cisco_top10k", "cisco_top20k", "google-chrome-crux-1million",
    "majestic_million", "moz-top500", "tranco", "tranco10k",
})  # fmt: skip
"""Lists of what is visited most."""
LENT: Final = frozenset({
    "digitalside", "dynamic-dns", "link-in-bio", "lots-project", "parking-domain-ns", "public-dns-hostname",
    "public-ipfs-gateways", "second-level-tlds", "tlds", "url-shortener",
})  # fmt: skip
"""Lists of those who give names, or room, to anybody."""
SUFFIXES: Final = "second-level-tlds"
"""The list (Mozilla's) of names directly below which strangers register."""
MORE_SUFFIXES: Final = frozenset({
    "azurefd.net", "cloudapp.azure.com", "cloudapp.azure.net", "files.1drv.com", "microsoftcrmportals.com",
    "msappproxy.net", "msecnd.net", "onmicrosoft.com", "powerapps.com", "powerappsportals.com", "sharepoint.com",
    "visualstudio.com", "windows.net",
})  # fmt: skip
"""What that list lacks, or knows with a wildcard that the copy has lost: Microsoft's, where every customer has names."""

_NAMES = frozenset({"domain", "hostname", "hostname|port", "url", "uri"})
_ADDRESSES = frozenset({"ip-src", "ip-dst", "ip-src|port", "ip-dst|port"})
_DIGESTS = frozenset({"md5", "sha1", "sha256"})
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


class BenignIndex:
    """Chosen lists, made ready to be asked. Where several have an indicator, the first one is named."""

    def __init__(self, chosen: tuple[str, ...]) -> None:
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        self._networks = Networks()
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
            if name not in POPULAR | LENT and (kind != "string" or entry[0] == ".") and text not in suffixes():
                self._below.setdefault(text, name)
        elif type_.family is Family.HASH:
            if about & _DIGESTS:
                self._exact.setdefault(text, name)
        elif about & _ADDRESSES:
            self._networks.add_text(text, name)

    def find(self, subject: Subject) -> str | None:
        """The list that calls this benign; None when none does."""
        if not subject.whole:
            return None
        if subject.address is not None:
            return self._networks.find(subject.address)
        if subject.name is None:
            return self._exact.get(subject.value)
        found = self._exact.get(subject.name)
        return found if found is not None or not self._below else self._find_above(subject.name)

    def _find_above(self, name: str) -> str | None:
        for above in above_of(name):
            if (found := self._below.get(above)) is not None:
                return found
        return None


def above_of(name: str) -> Iterator[str]:
    """The names above a name that belong to the same owner."""
    lent = suffixes()
    above = name
    while above and above not in lent:
        above = above.partition(".")[2]
        if above not in lent:
            yield above


@cache
def suffixes() -> frozenset[str]:
    """Names directly below which strangers have names of their own."""
    return MORE_SUFFIXES.union(load(SUFFIXES).list)


@lru_cache(maxsize=16)
def benign(chosen: tuple[str, ...]) -> BenignIndex:
    """The index over some lists. A name that the installed wheel does not have is of no effect."""
    return BenignIndex(chosen)


def _canonical(entry: str) -> tuple[IndicatorType, str] | None:
    """An entry's type and value; None for what no indicator can equal. Most are names that need no further reading."""
    if _NAME.fullmatch(entry) and len(entry) < 254:
        return IndicatorType.DOMAIN, entry
    try:
        found = canonicalise(entry)
    except Refused:
        return None
    return None if found.type is IndicatorType.URL else (found.type, found.value)
