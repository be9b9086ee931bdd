"""The expected entries of every target: a naive model of policy and vendors that the demo compares with the tenants.

Pure. Its input is the seeded data and the policy; it calls no service and shares no code with the router or pushers.
Slow and simple on purpose: it computes everything again for every world.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote

from schemas.canonical import Canonical, Refused, canonicalise
from schemas.desired import entry_key
from schemas.targets import SharingTarget, Target
from schemas.types import Family, IndicatorType
from schemas.vendors.defender import DefenderAction, DefenderTarget
from schemas.vendors.netskope import FileHashList, UrlList
from services.sandbox.demo.world import Alert, Row, World

_URL_SAFE = "._~!$&'()+,;=:@/?%-"
REJECTED = "vendor_rejected"
_ENTRY = "entry"
_THEIR_ACTION = "Block"
"""The action of every seeded row."""


class Place(NamedTuple):
    """A target at a destination."""

    destination: str
    target: str


class Entry(NamedTuple):
    """An entry of a target. Entries of Netskope lists have no severity."""

    value: str
    severity: str = ""


@dataclass(slots=True)
class Expected:
    """The entries of ours one target should hold, and the ids of indicators it should not hold, by reason."""

    target: Target
    entries: set[Entry] = field(default_factory=set)
    by_others: set[str] = field(default_factory=set)
    """Desired values that other people already wrote; their entries stay."""
    skipped: dict[str, set[str]] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)

    @property
    def asked(self) -> int:
        """The number of desired entries that can be there."""
        return len(self.entries) + len(self.by_others)

    def rejected_keys(self) -> set[str]:
        """Return the keys of the rejected entries in `ioc.applied`."""
        return {entry_key(self.target.id, one) for one in self.rejected}


class _Statement(NamedTuple):
    at: int
    severity: str


def expect(world: World) -> dict[Place, Expected]:
    """Return the expected entries of every target that a sharing names."""
    found: dict[Place, Expected] = {}
    known, theirs = _known(world), _theirs(world)
    for sharing in world.sharings:
        target = concrete(sharing.spec.target)
        place = Place(sharing.spec.destination, target.id)
        _fill(found.setdefault(place, Expected(target)), sharing.spec.source, known, theirs)
    return found


def concrete(target: SharingTarget) -> Target:
    """The target as an entry has it. The demo's table of actions does no more than leave sites out."""
    if isinstance(target, Target):
        return target
    assert isinstance(target, DefenderTarget)
    if any(entry.action != "skip" or entry.families != (Family.URL,) for entry in target.actions):
        raise ValueError("the demo's model knows no table of actions but one that leaves out the url family")
    return DefenderAction.model_validate(
        {"kind": target.kind, "action": target.action, "generateAlert": target.generate_alert}
    )


def refused(world: World) -> dict[tuple[str, str], list[str]]:
    """Return the values that are no indicator, by source and reason: the pullers skip them."""
    found: dict[tuple[str, str], set[str]] = {}
    for source, said in _said(world):
        if _read(said.value, said.type) is not None:
            continue
        try:
            canonicalise(said.value, said.type)
        except Refused as why:
            found.setdefault((source, why.reason), set()).add(said.value)
    return {key: sorted(values) for key, values in found.items()}


def _said(world: World) -> Iterator[tuple[str, Row | Alert]]:
    for row in world.rows.values():
        yield world.source("defender"), row
    for alert in world.alerts:
        yield world.source("netskope"), alert


@cache
def _read(value: str, type_: IndicatorType) -> Canonical | None:
    try:
        return canonicalise(value, type_)
    except Refused:
        return None


def _known(world: World) -> dict[Canonical, dict[str, _Statement]]:
    """Return the latest statement of each source on each indicator."""
    found: dict[Canonical, dict[str, _Statement]] = {}
    for source, said in _said(world):
        one = _read(said.value, said.type)
        if one is None:
            continue
        statements = found.setdefault(one, {})
        statement = _Statement(said.at, said.severity)
        statements[source] = max(statement, statements.get(source, statement))
    return found


def _theirs(world: World) -> set[tuple[str, str]]:
    """Return what other people wrote: entries of URL lists, and rows as spelt, with hashes in lower case."""
    rows = {
        (row.type.value, row.value.lower() if row.type.family is Family.HASH else row.value)
        for row in world.rows.values()
    }
    return rows | {(_ENTRY, entry) for entry in world.listed}


def _fill(
    expected: Expected, source: str, known: dict[Canonical, dict[str, _Statement]], theirs: set[tuple[str, str]]
) -> None:
    for one, statements in known.items():
        if source not in statements:
            continue
        why = _why_not(one, expected.target)
        if why == REJECTED:
            expected.rejected.add(one.id)
        elif why:
            expected.skipped.setdefault(why, set()).add(one.id)
        elif isinstance(expected.target, DefenderAction):
            if expected.target.action == _THEIR_ACTION and (one.type.value, _value(one)) in theirs:
                expected.by_others.add(_value(one))
            else:
                expected.entries.add(Entry(_value(one), max(statements.values()).severity))
        else:
            for entry in _entries(one, expected.target):
                if isinstance(expected.target, UrlList) and (_ENTRY, entry) in theirs:
                    expected.by_others.add(entry)
                else:
                    expected.entries.add(Entry(entry))


def _why_not(one: Canonical, target: Target) -> str | None:
    match target:
        case UrlList():
            return _why_no_site(one, target)
        case FileHashList():
            if one.type.family is not Family.HASH:
                return "other_family"
            return "hash_type_not_supported" if one.type is IndicatorType.SHA1 else None
        case DefenderAction():
            return _why_no_row(one, target)
        case _:
            raise ValueError(f"{target.id}: the demo's model knows no targets of this kind")


def _why_no_site(one: Canonical, target: UrlList) -> str | None:
    if target.match != "exact":
        raise ValueError(f"{target.id}: the demo's model knows exact lists only")
    if one.type.family is not Family.URL:
        return "other_family"
    host = _listed(one).partition("/")[0]
    if one.type is IndicatorType.IPV6 or host.startswith("["):
        return "ipv6_not_supported"
    if host.partition(":")[0] == "0.0.0.0":  # noqa: S104  # an entry, not an address to listen on
        return "unspecified_address"
    labels = host.partition(":")[0].split(".")
    fits = all(label.isascii() and label.replace("-", "").isalnum() and label.strip("-") == label for label in labels)
    return None if fits else "host_name_not_supported"


def _why_no_row(one: Canonical, target: DefenderAction) -> str | None:
    if target.action == "BlockAndRemediate" and one.type.family is not Family.HASH:
        return "skipped_by_action_table"
    if one.type is IndicatorType.DOMAIN and "_" in one.value:
        return "label_begins_with_underscore" if "._" in f".{one.value}" else REJECTED
    if one.type in (IndicatorType.IPV4, IndicatorType.IPV6):
        address = ip_address(one.value)
        documented = one.value.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))
        return None if address.is_global or documented else "guard_special_address"
    return None


def _value(one: Canonical) -> str:
    """Return the value as Defender writes it: all eight parts of an IPv6 address."""
    if one.type is not IndicatorType.IPV6:
        return one.value
    return ":".join(part.lstrip("0") or "0" for part in ip_address(one.value).exploded.split(":"))


def _entries(one: Canonical, target: Target) -> tuple[str, ...]:
    """Return the list entries of an indicator: a domain has a second entry for its subdomains."""
    listed = _listed(one)
    covers_below = one.type is IndicatorType.DOMAIN and isinstance(target, UrlList) and target.subdomains == "below"
    return (listed, f"*.{listed}") if covers_below else (listed,)


def _listed(one: Canonical) -> str:
    """Return the list entry at Netskope: without scheme, and a host alone without its slash."""
    if one.type is not IndicatorType.URL:
        return one.value
    host, _, rest = one.value.partition("://")[2].partition("/")
    return f"{host}/{quote(rest, safe=_URL_SAFE)}" if rest else host
