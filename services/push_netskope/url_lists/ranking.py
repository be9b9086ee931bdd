"""Ranking of list entries: which are desired, in which order, and which stay when not all fit. Pure.

Invariant: the order depends on severity, reputation and last report of the indicators behind an entry, then on the
entry's text; never on the order of events. The entries of a pair stay or are held together.
"""

from collections.abc import Callable, Collection, Iterable

from schemas.desired import AppliedState
from services.push_netskope.list_entries import all_of, entries_of
from services.runtime.reconciling.entry import Entry, Rank, SyncState

RankedText = tuple[Rank, str]
"""A text and the best rank of the indicators behind it; the least is the best."""


def in_order(list_entries: Collection[str], entries: Iterable[Entry]) -> list[str]:
    """Sort entries by the best rank of the indicators behind each. Entries of a pair follow each other."""
    if not list_entries:
        return []
    found: dict[str, tuple[Rank, str, int]] = {}
    for entry in entries:
        text = list_entry_of(entry)
        if text is not None:
            for at, list_entry in enumerate(entries_of(text)):
                if list_entry in list_entries:
                    rank = (entry.rank, text, at)
                    found[list_entry] = min(rank, found.get(list_entry, rank))
    return sorted(list_entries, key=found.__getitem__)


def ranks(entries: Iterable[Entry]) -> dict[str, RankedText]:
    """Return the desired texts, each with the best rank of the indicators behind it (the least is the best)."""
    found: dict[str, RankedText] = {}
    for entry in entries:
        list_entry = list_entry_of(entry)
        if list_entry is not None:
            rank = (entry.rank, list_entry)
            found[list_entry] = min(rank, found.get(list_entry, rank))
    return found


def list_entry_of(entry: Entry) -> str | None:
    """Return the text of an indicator in its list; None if it is not desired or may not be written."""
    kept_back = entry.sync_state is SyncState.GUARDED
    if entry.wanted is None or kept_back or entry.out_of_the_way or not isinstance(entry.form, str):
        return None
    return entry.form


def wanted_by(entries: Iterable[Entry]) -> set[str]:
    """Return the list entries that these indicators need."""
    return all_of(list_entry_of(entry) for entry in entries)


def best(entries: Iterable[Entry], capacity: int, cost: Callable[[str], int], free: Collection[str]) -> frozenset[str]:
    """Return the entries of best rank that fit into `capacity`, pairs as a whole. Those in `free` cost nothing."""
    wanted, kept, is_full = ranks(entries), set[str](), False
    for text in sorted(wanted, key=wanted.__getitem__):
        needed = [list_entry for list_entry in entries_of(text) if list_entry not in kept and list_entry not in free]
        capacity -= sum(map(cost, needed)) if not is_full else 0
        is_full = is_full or capacity < 0
        if not is_full or not needed:
            kept.update(entries_of(text))
    return frozenset(kept)


def owned_by(entries: Iterable[Entry]) -> set[str]:
    """Return the entries that we wrote for these indicators and may change."""
    return all_of(entry.remote_id for entry in entries if not entry.stays)


def withdrawn(entries: Collection[Entry]) -> set[str]:
    """Return the entries whose indicators are all no longer desired."""
    gone = all_of(entry.remote_id for entry in entries if entry.wanted is None and not entry.stays)
    return gone - all_of(entry.remote_id for entry in entries if entry.wanted is not None or entry.stays)


def settled_entry(entry: Entry) -> str | None:
    """Return the text of a settled indicator, which needs no write and no record; None if it is not settled."""
    form = entry.form
    if (
        form is None
        or form != entry.remote_id
        or entry.sync_state is not SyncState.SETTLED
        or entry.state is not AppliedState.APPLIED
        or entry.wanted is None
        or (entry.resend_at is not None and entry.again)
    ):
        return None
    return entry.remote_id


def split_settled(entries: Iterable[Entry]) -> tuple[frozenset[str], list[Entry]]:
    """Split into settled list entries and the indicators of all others. In a large list those are few."""
    bulk, others = list[str](), list[Entry]()
    for entry in entries:
        text = settled_entry(entry)
        if text is None:
            others.append(entry)
        elif " " in text:
            bulk.extend(entries_of(text))
        else:
            bulk.append(text)
    return frozenset(bulk), others
