"""What is deleted to make room in a tenant that is full. Pure.

Invariant: an entry of ours only ever makes room for one of better rank, so this comes to an end; what other people
wrote is chosen only for an entry whose target allows deleting what anybody wrote, the oldest first, and never where it
says what is desired.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from services.push_defender.client import Row
from services.push_defender.plan import ALREADY_THERE, action_of, identity, identity_of
from services.push_defender.render import TYPES
from services.runtime.item import Item, Place

_DELETABLE: Final = frozenset({*TYPES.values(), "CertificateThumbprint"})
"""Other types are not of this API: it lists them and refuses to delete them (seen in connectors)."""


class Victim(NamedTuple):
    """A row to be deleted, and the entry of ours that it is, if it is one."""

    row: Row
    item: Item | None


def asking(held: Iterable[Item]) -> list[Item]:
    """Who may have something deleted to get in, best ranks first."""
    return sorted((item for item in held if action_of(item).allow_deletion != "no"), key=lambda item: item.rank)


def victims(
    newcomers: Sequence[Item], items: Iterable[Item], rows: Sequence[Row], spare: Collection[str], most: int
) -> list[Victim]:
    """At most one row for each newcomer, who come best rank first. `spare` are ids of rows that cannot be deleted."""
    items = list(items)
    own = {item.remote_id: item for item in items if item.remote_id is not None and not item.released}
    of_use = {identity(item) for item in items if item.because == ALREADY_THERE.code and item.wanted is not None}
    standing = [row for row in rows if row.id not in spare and (row.id in own or identity_of(row) not in of_use)]
    oldest = iter(sorted(_anybody(standing, own), key=_age))
    lowest = iter(sorted(_ours(standing, own), key=lambda found: found[0].rank, reverse=True))
    taken: dict[str, Victim] = {}
    for newcomer in newcomers[:most]:
        if action_of(newcomer).allow_deletion == "any":
            found = _next(oldest, newcomer, taken)
        else:
            found = _lowest(lowest, newcomer, taken)
        if found:
            taken[found.row.id] = found
    return list(taken.values())


def _next(oldest: Iterable[Victim], newcomer: Item, taken: Mapping[str, Victim]) -> Victim | None:
    """The oldest that may go. What may not go for this newcomer may go for none after it, who are of lower rank."""
    for victim in oldest:
        if victim.row.id not in taken and (victim.item is None or victim.item.rank > newcomer.rank):
            return victim
    return None


def _lowest(lowest: Iterable[tuple[Item, Row]], newcomer: Item, taken: Mapping[str, Victim]) -> Victim | None:
    for item, row in lowest:
        if row.id not in taken:
            return Victim(row, item) if item.rank > newcomer.rank else None
    return None


def _ours(rows: Iterable[Row], own: Mapping[str, Item]) -> Iterable[tuple[Item, Row]]:
    """Those of ours that stand as they should: what is to be changed or withdrawn is left to that."""
    return ((own[row.id], row) for row in rows if row.id in own and own[row.id].place is Place.SETTLED)


def _anybody(rows: Iterable[Row], own: Mapping[str, Item]) -> Iterable[Victim]:
    ours = {row.id: item for item, row in _ours(rows, own)}
    return (
        Victim(row, ours.get(row.id))
        for row in rows
        if row.indicator_type in _DELETABLE and (row.id in ours or row.id not in own)
    )


def _age(victim: Victim) -> tuple[str, int]:
    """Times of one form sort as text; where they are not told, ids ascend."""
    row = victim.row
    return row.creation_time_date_time_utc or "", int(row.id) if row.id.isdecimal() else 0
