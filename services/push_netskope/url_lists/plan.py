"""What a list should hold, how to get it there from what it holds, and what that makes of every entry. Pure.

Invariant: the outcome depends on what is desired, rejected and there of other people, never on the order of events.
Entries of other people stay. Several indicators may be one entry: it goes when the last of them does. When not all fit,
those of the best rank stay (severity, reputation, last report), then by value; the rest is held.
"""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.url_lists.partition import excess
from services.runtime.reconciling.entry import Entry, Outcome, Rank, SyncState

MEGABYTE: Final = 1_000_000
_ENVELOPE: Final = 1_024
"""Bytes around the entries of a request, with a long name."""
URL_EXTRA, HASH_EXTRA = 3, 1
"""Bytes an entry takes beside its own: quotes and a comma, or a comma."""

ALREADY_THERE: Final = Reason(code="already_there", detail="somebody else's entry says the same; it is left alone")
LIST_FULL: Final = Reason(code="list_full", detail="the list is as large as it may be")


@dataclass(slots=True)
class UrlListPlan:
    """`urls` is the whole list as it should be, None when nothing needs to be written.

    `again`: it shall be written as a whole, even if nothing in it changes.
    """

    add: tuple[str, ...] = ()
    remove: frozenset[str] = frozenset()
    urls: tuple[str, ...] | None = None
    again: bool = False
    outcomes: list[Outcome] = field(default_factory=list)


def plan_url_list(entries: Collection[Entry], target: UrlList, there: client.UrlList | None) -> UrlListPlan:
    """Plan one URL list. `there` is the list as it is, None when it has to be made."""
    present = dict.fromkeys(there.urls) if there else {}
    bulk, others = parted(entries)
    owned = bulk | {entry.remote_id for entry in others if entry.remote_id is not None and not entry.stays}
    foreign = {url for url in present if url not in owned and url != target.default}
    capacity = capacity_of(target, size_in(target, foreign))
    keep = fitting(entries, (bulk, others), capacity, URL_EXTRA - excess(target), free=foreign)
    remove = {url for url in owned.difference(keep) if url in present}
    if keep or foreign:
        remove |= {target.default} & present.keys() - keep
    missing = {list_entry for list_entry in keep if list_entry not in present}
    wanted = ranks(entry for entry in entries if entry.form in missing) if missing else {}
    add = sorted(missing, key=wanted.__getitem__)
    concerned = others if bulk <= keep else entries
    return written(present, add, remove, target, outcomes_of(concerned, keep, foreign), again=is_again(others, present))


def is_again(entries: Iterable[Entry], present: Container[str]) -> bool:
    """Whether one of them is there and is to be written once more nevertheless."""
    return any(entry.again and entry.remote_id in present for entry in entries if entry.wanted is not None)


def plan_other_type(entries: Collection[Entry], target: UrlList, there: client.UrlList) -> UrlListPlan:
    """Plan a list that is of another type than the target says: what is withdrawn goes, nothing else is touched."""
    withdrawn = {entry.remote_id for entry in entries if entry.wanted is None and not entry.stays}
    remove = {url for url in there.urls if url in withdrawn}
    remove -= {entry.remote_id for entry in entries if entry.wanted is not None or entry.stays}
    detail = f"the list is {there.type}, the target says {target.match}; make the two alike, or name another list"
    reason = Reason(code="list_type", detail=detail)
    outcomes = [
        Outcome(entry, AppliedState.FAILED, entry.remote_id, reason)
        if entry.wanted is not None
        else Outcome(entry, None)
        for entry in entries
        if entry.sync_state not in (SyncState.SETTLED, SyncState.GUARDED)
    ]
    return written(dict.fromkeys(there.urls), [], remove, target, outcomes)


def written(
    present: Iterable[str],
    add: Sequence[str],
    remove: Collection[str],
    target: UrlList,
    outcomes: list[Outcome],
    *,
    again: bool = False,
) -> UrlListPlan:
    """The plan that makes these of the entries that are there, each of which is there once."""
    left = [url for url in present if url not in remove] if remove else present
    if remove and not left and not add:
        add = [target.default]
    urls = (*left, *add) if add or remove or again else None
    return UrlListPlan(tuple(add), frozenset(remove), urls, again, outcomes)


_Rank = tuple[Rank, str]


def ranks(entries: Iterable[Entry]) -> dict[str, _Rank]:
    """The entries that are wanted, each with the best rank of the indicators behind it (the least is the best)."""
    found: dict[str, _Rank] = {}
    for entry in entries:
        list_entry = list_entry_of(entry)
        if list_entry is not None:
            rank = (entry.rank, list_entry)
            found[list_entry] = min(rank, found.get(list_entry, rank))
    return found


def list_entry_of(entry: Entry) -> str | None:
    """The entry that stands for an indicator, if it is wanted and nothing speaks against it."""
    kept_back = entry.sync_state is SyncState.GUARDED
    if entry.wanted is None or kept_back or entry.out_of_the_way or not isinstance(entry.form, str):
        return None
    return entry.form


def unwritten(entries: Iterable[Entry], list_entries: Collection[str]) -> list[tuple[Entry, str | None]]:
    """The indicators behind these entries that are not known to be there, to be noted before they are written."""
    return [
        (entry, list_entry)
        for entry in entries
        if (list_entry := list_entry_of(entry)) in list_entries and entry.remote_id != list_entry
    ]


def notes(entries: Iterable[Entry], planned: UrlListPlan) -> list[tuple[Entry, str | None]]:
    """What is to be noted before a URL list is written: what comes; where nothing does, one that goes.

    So the books know of every write, and after a restart a list that waits for a deploy is known for ours.
    """
    going = (entry for entry in entries if entry.remote_id in planned.remove)
    return unwritten(entries, frozenset(planned.add)) or [(entry, entry.remote_id) for entry in islice(going, 1)]


def settled_entry(entry: Entry) -> str | None:
    """The entry that is there as it should be for an indicator: nothing is to be done, or recorded, about it."""
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


def parted(entries: Iterable[Entry]) -> tuple[frozenset[str], list[Entry]]:
    """Entries that are there as they should be, and the indicators of all others: of a large list those are few."""
    bulk, others = list[str](), list[Entry]()
    for entry in entries:
        list_entry = settled_entry(entry)
        if list_entry is not None:
            bulk.append(list_entry)
        else:
            others.append(entry)
    return frozenset(bulk), others


def fitting(
    entries: Collection[Entry],
    parted: tuple[frozenset[str], list[Entry]],
    capacity: int,
    extra: int,
    free: Collection[str],
) -> frozenset[str]:
    """Those entries of the wanted that fit into `capacity` bytes, best ranks first. Those in `free` take none."""
    bulk, others = parted
    every = bulk | {list_entry for entry in others if (list_entry := list_entry_of(entry)) is not None}
    if _size(every, extra) <= capacity:
        return every
    wanted, kept = ranks(entries), list[str]()
    for list_entry in sorted(wanted, key=wanted.__getitem__):
        if list_entry not in free:
            capacity -= len(list_entry) + extra
            if capacity < 0:
                break
        kept.append(list_entry)
    return frozenset(kept) | (frozenset(free) & every)


def capacity_of(target: UrlList | FileHashList, others: int) -> int:
    """Bytes there are for entries of ours, beside `others` that are not for us to take out."""
    return target.size_mb * MEGABYTE - others - (_ENVELOPE if isinstance(target, UrlList) else 0)


def size_of_urls(urls: Iterable[str]) -> int:
    """Bytes of a URL list, as its limit counts them."""
    return _size(urls, URL_EXTRA)


def size_in(target: UrlList, urls: Iterable[str]) -> int:
    """The same of entries as the list says them, of which it may be a part."""
    return _size(urls, URL_EXTRA - excess(target))


def size_of_hashes(hashes: Iterable[str]) -> int:
    """Bytes of a file-hash list, as its limit counts them."""
    return _size(hashes, HASH_EXTRA)


def _size(list_entries: Iterable[str], extra: int) -> int:
    sizes = [len(list_entry) for list_entry in list_entries]
    return sum(sizes) + extra * len(sizes)


def outcomes_of(entries: Iterable[Entry], keep: Container[str], foreign: Container[str]) -> list[Outcome]:
    """What becomes of every entry whose record says something else."""
    outcomes = (
        _outcome(entry, keep, foreign)
        for entry in entries
        if entry.sync_state is not SyncState.GUARDED and not entry.stays
    )
    return [outcome for outcome in outcomes if not _stands(outcome)]


def _outcome(entry: Entry, keep: Container[str], foreign: Container[str]) -> Outcome:
    if entry.wanted is None:
        return Outcome(entry, None)
    if entry.form is LIST_FULL:
        return Outcome(entry, AppliedState.HELD, None, LIST_FULL)
    if isinstance(entry.form, Reason):
        return Outcome(entry, AppliedState.SKIPPED, None, entry.form)
    if entry.out_of_the_way:
        return Outcome(entry, entry.state, None, entry.reason)
    if entry.form not in keep:
        return Outcome(entry, AppliedState.HELD, None, LIST_FULL)
    if entry.form in foreign:
        return Outcome(entry, AppliedState.APPLIED, None, ALREADY_THERE)
    return Outcome(entry, AppliedState.APPLIED, entry.form)


def _stands(outcome: Outcome) -> bool:
    entry = outcome.entry
    return (
        not entry.uncertain
        and not entry.again
        and entry.wanted is not None
        and (entry.state, entry.content, entry.remote_id, entry.reason)
        == (outcome.state, entry.wanted, outcome.remote_id, outcome.reason)
    )
