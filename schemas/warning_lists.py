"""The MISP warning lists from the `pymispwarninglists` wheel: values that are known to be harmless, or usually are.

Invariant: a list is parsed only when it is requested by name. All together take gigabytes of memory.
Source: https://github.com/MISP/misp-warninglists; docs/reference/guards.md shows every one.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_network
from typing import Any, Final

from pymispwarninglists.api import WarningList

from schemas.canonical import Refused, canonicalise
from schemas.types import Family, IndicatorType

_NAMES: Final = frozenset({"domain", "hostname", "hostname|port", "url", "uri"})
_ADDRESSES: Final = frozenset({"ip-src", "ip-dst", "ip-src|port", "ip-dst|port"})
_DIGESTS: Final = frozenset({"md5", "sha1", "sha256"})


def _folder() -> Traversable:
    return files("pymispwarninglists").joinpath("data", "misp-warninglists", "lists")


@cache
def names() -> frozenset[str]:
    """The names of all lists: those of their folders."""
    return frozenset(entry.name for entry in _folder().iterdir() if entry.joinpath("list.json").is_file())


def load(name: str) -> WarningList:
    """Parse one list.

    Raises:
        KeyError: there is no list of this name.

    """
    return WarningList(_parse(name))


def _parse(name: str) -> dict[str, Any]:
    if name not in names():
        raise KeyError(name)
    found: dict[str, Any] = json.loads(_folder().joinpath(name, "list.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry that can match indicators: an indicator, or with `type` None a network or an address.

    `raw` is its text in the list; `kind` is the kind of the list (string, hostname, substring, cidr).
    """

    raw: str
    kind: str
    type: IndicatorType | None
    value: str


def listed(name: str) -> Iterator[Listed]:
    """The entries of a list that can match an indicator, without entries about anything else.

    Raises:
        KeyError: there is no list of this name.

    """
    found = _parse(name)
    kind, about = found["type"], frozenset(found.get("matching_attributes") or ())
    for raw in found["list"] if kind != "regex" else ():
        if (entry := _read(raw, kind, about)) is not None:
            yield entry


def _read(raw: str, kind: str, about: frozenset[str]) -> Listed | None:
    if kind == "cidr":
        return Listed(raw, kind, None, raw) if about & _ADDRESSES and _is_network(raw) else None
    value = _canonical(raw.removeprefix("."))
    if value is None:
        return None
    type_, text = value
    if type_ is IndicatorType.DOMAIN:
        return Listed(raw, kind, type_, text) if about & _NAMES else None
    if type_.family is Family.HASH:
        return Listed(raw, kind, type_, text) if about & _DIGESTS else None
    return Listed(raw, kind, None, text) if about & _ADDRESSES else None


@cache
def flaw(name: str) -> str | None:
    """Why a guard must not name a list, with what to do; None if it may."""
    if name not in names():
        near = get_close_matches(name.strip().lower(), names(), n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        return f"there is no warning list {name[:80]}; {meant}docs/reference/guards.md names them all"
    if next(listed(name), None) is None:
        return f"the warning list {name} keeps nothing back: it holds no name, address or hash; leave it out"
    return None


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


def _canonical(entry: str) -> tuple[IndicatorType, str] | None:
    """An entry's type and value; None if no indicator can equal it. Most are names that need no further parsing."""
    if _NAME.fullmatch(entry) and len(entry) < 254:
        return IndicatorType.DOMAIN, entry
    try:
        found = canonicalise(entry)
    except Refused:
        return None
    return None if found.type is IndicatorType.URL else (found.type, found.value)
