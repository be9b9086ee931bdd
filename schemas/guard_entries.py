"""Reads the entries of a guard's allow list, for `apply`, which shows or refuses them, and for the router.

An entry has exactly one meaning, or is an `EntryError`: no accepted entry protects nothing. Common spellings are read
alike: URLs for their host, ports, `*.` and `.` before a name, defanging, quotes, brackets, comments, and several
entries in one text. docs/reference/guards.md has the table.
"""

import re
from collections.abc import Callable
from enum import StrEnum

from schemas._canonical_refang import refang
from schemas.canonical import MAX_LENGTH, Canonical, Refused, canonicalise
from schemas.guard_meaning import Below, Exactly, Meaning, Within
from schemas.guard_networks import looks_like_network, read_networks
from schemas.guard_text import undress
from schemas.public_suffixes import is_public_suffix, suffix_below
from schemas.types import Family, IndicatorType

_TYPE = re.compile(rf"({'|'.join(IndicatorType)}):(?!//)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//+", re.IGNORECASE)
_PORT = re.compile(r":\d{0,5}\Z")
_SITE = re.compile(r"/?\*?(?:#.*)?", re.DOTALL)
_LABEL = re.compile(r"[^\s.。．｡*/:@\[\]]+")
_LOCAL_TOPS = frozenset({
    "alt", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost",
    "onion", "private", "test",
})  # fmt: skip
"""Well-known top-level names that are not registered."""


class AllowField(StrEnum):
    """The lists of `spec.allow` with names, addresses and indicators."""

    VALUES = "values"
    DOMAINS = "domains"
    NETWORKS = "networks"


class EntryError(ValueError):
    """An entry without exactly one meaning. `str()` is one line: what is wrong and what to write instead."""


def read_entry(field: AllowField, given: str) -> tuple[Meaning, ...]:
    """The meaning of an entry; several meanings if the text holds several entries.

    Raises:
        EntryError: it has no meaning, or more than one is possible.

    """
    if len(given) > MAX_LENGTH:
        raise EntryError(f"has {len(given)} characters; write one value an entry, of at most {MAX_LENGTH}")
    text, pieces = undress(given)
    if not pieces:
        raise EntryError("holds no value; delete the entry, or write a value")
    whole = _attempt(lambda: _read_one(field, text))
    if pieces == [text] or any(
        _LABEL.fullmatch(piece) and not _is_hash(piece) for piece in pieces
    ):  # one value, or prose rather than a list
        return _or_raise(whole)
    several = _attempt(lambda: _read_all(field, pieces))
    if isinstance(whole, EntryError):
        return _or_raise(several)
    if not isinstance(several, EntryError):
        raise EntryError(
            f"can be read as one value or as {len(pieces)}; write each as an entry of its own "
            '(one URL with a comma or a blank: cel, ioc.value == "…")'
        )
    return whole


def _attempt(read: Callable[[], tuple[Meaning, ...]]) -> tuple[Meaning, ...] | EntryError:
    try:
        return read()
    except EntryError as error:
        return error


def _or_raise(found: tuple[Meaning, ...] | EntryError) -> tuple[Meaning, ...]:
    if isinstance(found, EntryError):
        raise found
    return found


def _read_all(field: AllowField, pieces: list[str]) -> tuple[Meaning, ...]:
    return tuple(dict.fromkeys(meaning for piece in pieces for meaning in _read_one(field, piece)))


def _read_one(field: AllowField, text: str) -> tuple[Meaning, ...]:
    networks = read_networks(text)
    if networks is not None:
        if field is AllowField.VALUES and len(networks) == 1 and networks[0].num_addresses == 1:
            return (Exactly(_canonical(str(networks[0].network_address))),)
        return (Within(networks),)
    if looks_like_network(text):
        raise EntryError(f"{text[:80]!r} is no network; write it as 192.0.2.0/24 or 2001:db8::/32, a URL with http://")
    if (typed := _TYPE.match(text)) is not None:  # an id, as other commands show it
        kind = IndicatorType(typed[1].lower())
        if field is AllowField.VALUES:
            return (Exactly(_canonical(text[typed.end() :], kind)),)
        text = text[typed.end() :]
    if _is_hash(text):
        return (Exactly(_canonical(text)),)
    return _read_value(text) if field is AllowField.VALUES else (_read_site(field, text),)


def _read_value(text: str) -> tuple[Meaning, ...]:
    """One indicator. A URL without a scheme means both http and https."""
    plain = refang(text)
    scheme = _SCHEME.match(plain)
    host, rest = _split(plain[scheme.end() :] if scheme else plain)
    if host.startswith(("*.", ".")):
        return (_read_site(AllowField.DOMAINS, text),)
    if rest.rstrip("/").endswith("*"):
        raise EntryError(
            f"{text[:80]!r} ends with a wildcard, and a value is one indicator; write the host into domains, or use "
            'cel: ioc.value.startsWith("…")'
        )
    found = _canonical(text)
    if found.type is not IndicatorType.URL or scheme:
        return (Exactly(found),)
    return tuple(Exactly(_canonical(f"{name}://{plain}")) for name in ("http", "https"))


def _read_site(field: AllowField, text: str) -> Meaning:
    """A host with everything on it and below it."""
    plain = refang(text)
    scheme = _SCHEME.match(plain)
    host, rest = _split(plain[scheme.end() :] if scheme else plain)
    if scheme:
        host = host.rpartition("@")[2]
    if "@" in host:
        raise EntryError(f"{text[:80]!r} is an e-mail address; write its domain {host.rpartition('@')[2]!r}")
    if not _SITE.fullmatch(rest):
        raise EntryError(
            f"{text[:80]!r} is a URL with a path; write the host {host!r} for all of it, or put the URL into values"
        )
    if not host:
        raise EntryError(f"{text[:80]!r} has no host; write a name or an address")
    host = _PORT.sub("", host) if host.count(":") < 2 or "]" in host else host
    found = _read_host(host)
    if field is AllowField.NETWORKS and isinstance(found, Below):
        raise EntryError(f"{text[:80]!r} is a name, not a network; put it into domains")
    return found


def _read_host(host: str) -> Meaning:
    name = host.removeprefix("*").removeprefix(".") if host.startswith(("*.", ".")) else host
    if _LABEL.fullmatch(name):
        try:
            top = canonicalise(f"x.{name}", IndicatorType.DOMAIN).value.partition(".")[2]
        except Refused:
            raise EntryError(
                f"{host[:80]!r} is no name and no address; write a full one, such as corp.example or 192.0.2.1"
            ) from None
        if name == host and not is_public_suffix(top) and top not in _LOCAL_TOPS:
            raise EntryError(
                f"{host[:80]!r} is one word and no known top-level domain; write the full name, or .{top} if you mean "
                "every name that ends so"
            )
        return Below(top)
    found = _canonical(name)
    if found.type is IndicatorType.DOMAIN:
        return Below(found.value)
    networks = read_networks(found.value)
    if networks is None:
        raise EntryError(f"{host[:80]!r} is no host; write a name or an address")
    return Within(networks)


def _split(text: str) -> tuple[str, str]:
    """The host with its port, and what follows."""
    end = next((at for at, character in enumerate(text) if character in "/?#\\"), len(text))
    return text[:end], text[end:]


def _is_hash(text: str) -> bool:
    try:
        return canonicalise(text).type.family is Family.HASH
    except Refused:
        return False


def _canonical(text: str, kind: IndicatorType | None = None) -> Canonical:
    try:
        return canonicalise(text, kind)
    except Refused as error:
        raise EntryError(str(error)) from None


def read_suffix(given: str) -> str:
    """The name in an entry of `shareSuffixes`: a public suffix, or a name above one.

    Raises:
        EntryError: it is neither, so the entry would have no effect.

    """
    found = read_entry(AllowField.DOMAINS, given)
    name = found[0].name if len(found) == 1 and isinstance(found[0], Below) else None
    if name is None or not (is_public_suffix(name) or suffix_below(name)):
        raise EntryError(f"{given[:80]!r} is no public suffix, so no guard keeps it back as one; leave it out")
    return name
