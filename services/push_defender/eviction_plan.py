"""Chooses the rows to delete in a full tenant. Pure.

Invariant: an entry of ours is replaced only by one of better rank, so evictions end. Rows of other people are chosen,
oldest first, only for an entry whose target allows it, and never if they say what is desired.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from services.push_defender.client import Row
from services.push_defender.plan import ALREADY_THERE, action_of, identity, identity_of
from services.push_defender.render import TYPES
from services.runtime.reconciling.entry import Entry, SyncState

_DELETABLE: Final = frozenset({*TYPES.values(), "CertificateThumbprint"})
"""The API lists other types but refuses to delete them (seen in connectors)."""

_LONG: Final = 40
"""An id with this many digits or more is not read as a number."""


class Victim(NamedTuple):
    """A row to delete, and its entry if it is ours."""

    row: Row
    entry: Entry | None


def asking(held: Iterable[Entry]) -> list[Entry]:
    """The held entries whose targets allow deletions for them, best ranks first."""
    return sorted((entry for entry in held if action_of(entry).allow_deletion != "no"), key=lambda entry: entry.rank)


def victims(
    newcomers: Sequence[Entry], entries: Iterable[Entry], rows: Sequence[Row], spare: Collection[str], most: int
) -> list[Victim]:
    """At most one row for each newcomer; newcomers are sorted by rank. `spare`: ids of rows that cannot be deleted."""
    entries = list(entries)
    own = {entry.remote_id: entry for entry in entries if entry.remote_id is not None and not entry.released}
    of_use = {identity(entry) for entry in entries if entry.because == ALREADY_THERE.code and entry.wanted is not None}
    store = [row for row in rows if row.id not in spare and (row.id in own or identity_of(row) not in of_use)]
    oldest = iter(sorted(_anybody(store, own), key=_age))
    lowest = iter(sorted(_ours(store, own), key=lambda found: found[0].rank, reverse=True))
    taken: dict[str, Victim] = {}
    for newcomer in newcomers[:most]:
        if action_of(newcomer).allow_deletion == "any":
            found = _next(oldest, newcomer, taken)
        else:
            found = _lowest(lowest, newcomer, taken)
        if found:
            taken[found.row.id] = found
    return list(taken.values())


def _next(oldest: Iterable[Victim], newcomer: Entry, taken: Mapping[str, Victim]) -> Victim | None:
    """The oldest row that may be deleted. A row that outranks this newcomer outranks all later ones."""
    for victim in oldest:
        if victim.row.id not in taken and (victim.entry is None or victim.entry.rank > newcomer.rank):
            return victim
    return None


def _lowest(lowest: Iterable[tuple[Entry, Row]], newcomer: Entry, taken: Mapping[str, Victim]) -> Victim | None:
    for entry, row in lowest:
        if row.id not in taken:
            return Victim(row, entry) if entry.rank > newcomer.rank else None
    return None


def _ours(rows: Iterable[Row], own: Mapping[str, Entry]) -> Iterable[tuple[Entry, Row]]:
    """Our rows without pending changes or withdrawals."""
    return ((own[row.id], row) for row in rows if row.id in own and own[row.id].sync_state is SyncState.SETTLED)


def _anybody(rows: Iterable[Row], own: Mapping[str, Entry]) -> Iterable[Victim]:
    ours = {row.id: entry for entry, row in _ours(rows, own)}
    return (
        Victim(row, ours.get(row.id))
        for row in rows
        if row.indicator_type in _DELETABLE and row.indicator_value and (row.id in ours or row.id not in own)
    )


def _age(victim: Victim) -> tuple[str, int]:
    """The sort key of age: the creation time as text, then the id, which ascends."""
    row = victim.row
    return row.creation_time_date_time_utc or "", int(row.id) if row.id.isdecimal() and len(row.id) < _LONG else 0
