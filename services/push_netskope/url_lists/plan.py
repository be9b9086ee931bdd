"""What a list should hold, how to get it there from what it holds, and what that makes of every entry. Pure.

Invariant: the outcome depends on what is desired, rejected and there of other people, never on the order of events.
Entries of other people stay. Several indicators may be one entry: it goes when the last of them does. An indicator may
be a pair of entries (`list_entries`): both are there or none, except that one which is somebody else's stays. When not
all fit, those of the best rank stay (severity, reputation, last report), then by value; the rest is held.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.list_entries import all_of, entries_of, left_of, text_of, united
from services.push_netskope.url_lists.partition import excess
from services.runtime.reconciling.entry import Entry, Outcome, Rank, SyncState

MEGABYTE: Final = 1_000_000
_ENVELOPE: Final = 1_024
"""Bytes around the entries of a request, with a long name."""
URL_EXTRA, HASH_EXTRA = 3, 1
"""Bytes an entry takes beside its own: quotes and a comma, or a comma."""

ALREADY_THERE: Final = Reason(code="already_there", detail="somebody else's entry says the same; it is left alone")
HALF_THERE: Final = Reason(
    code="already_there",
    detail="one entry of the pair is somebody else's and is left alone; the other one is ours",
)
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
    owned = bulk | owned_by(others)
    foreign = {url for url in present if url not in owned and url != target.default}
    capacity = capacity_of(target, size_in(target, foreign))
    keep = fitting(entries, (bulk, others), capacity, URL_EXTRA - excess(target), free=foreign)
    remove = {url for url in owned.difference(keep) if url in present}
    if keep or foreign:
        remove |= {target.default} & present.keys() - keep
    missing = {list_entry for list_entry in keep if list_entry not in present}
    add = in_order(missing, entries)
    concerned = others if bulk <= keep else entries
    return written(present, add, remove, target, outcomes_of(concerned, keep, foreign), again=is_again(others, present))


def is_again(entries: Iterable[Entry], present: Container[str]) -> bool:
    """Whether one of them is there and is to be written once more nevertheless."""
    return any(
        entry.again and any(list_entry in present for list_entry in all_of([entry.remote_id]))
        for entry in entries
        if entry.wanted is not None
    )


def plan_other_type(entries: Collection[Entry], target: UrlList, there: client.UrlList) -> UrlListPlan:
    """Plan a list that is of another type than the target says: what is withdrawn goes, nothing else is touched."""
    remove = withdrawn(entries) & set(there.urls)
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


def owned_by(entries: Iterable[Entry]) -> set[str]:
    """The entries that are ours by these indicators, and not to be left just as they are."""
    return all_of(entry.remote_id for entry in entries if not entry.stays)


def withdrawn(entries: Collection[Entry]) -> set[str]:
    """The entries that only indicators have which are desired no more."""
    gone = all_of(entry.remote_id for entry in entries if entry.wanted is None and not entry.stays)
    return gone - all_of(entry.remote_id for entry in entries if entry.wanted is not None or entry.stays)


_Rank = tuple[Rank, str]


def in_order(list_entries: Collection[str], entries: Iterable[Entry]) -> list[str]:
    """Entries by the best rank of the indicators behind each; those of a pair one after the other."""
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


def ranks(entries: Iterable[Entry]) -> dict[str, _Rank]:
    """The texts that are wanted, each with the best rank of the indicators behind it (the least is the best)."""
    found: dict[str, _Rank] = {}
    for entry in entries:
        list_entry = list_entry_of(entry)
        if list_entry is not None:
            rank = (entry.rank, list_entry)
            found[list_entry] = min(rank, found.get(list_entry, rank))
    return found


def list_entry_of(entry: Entry) -> str | None:
    """The text that stands for an indicator, if it is wanted and nothing speaks against it."""
    kept_back = entry.sync_state is SyncState.GUARDED
    if entry.wanted is None or kept_back or entry.out_of_the_way or not isinstance(entry.form, str):
        return None
    return entry.form


def unwritten(entries: Iterable[Entry], list_entries: Collection[str]) -> list[tuple[Entry, str | None]]:
    """The indicators behind these entries that are not known to be there, to be noted before they are written.

    Each with the remote id to be noted: what is known to be ours of it, and what is about to be.
    """
    found = list[tuple[Entry, str | None]]()
    for entry in entries:
        text = list_entry_of(entry)
        if text is None or text == entry.remote_id:
            continue
        news = [list_entry for list_entry in entries_of(text) if list_entry in list_entries]
        remote_id = united(entry.remote_id, news)
        if news and remote_id != entry.remote_id:
            found.append((entry, remote_id))
    return found


def notes(entries: Iterable[Entry], planned: UrlListPlan) -> list[tuple[Entry, str | None]]:
    """What is to be noted before a URL list is written: what comes; where nothing does, one that goes.

    So the books know of every write, and after a restart a list that waits for a deploy is known for ours.
    """
    going = (entry for entry in entries if not planned.remove.isdisjoint(all_of([entry.remote_id])))
    return unwritten(entries, frozenset(planned.add)) or [(entry, entry.remote_id) for entry in islice(going, 1)]


def settled_entry(entry: Entry) -> str | None:
    """The text of what is there as it should be for an indicator: nothing is to be done, or recorded, about it."""
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
        text = settled_entry(entry)
        if text is None:
            others.append(entry)
        elif " " in text:
            bulk.extend(entries_of(text))
        else:
            bulk.append(text)
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
    every = bulk | wanted_by(others)
    if _size(every, extra) <= capacity:
        return every
    return best(entries, capacity, lambda list_entry: len(list_entry) + extra, free)


def wanted_by(entries: Iterable[Entry]) -> set[str]:
    """The entries that these indicators ask for."""
    return all_of(list_entry_of(entry) for entry in entries)


def best(entries: Iterable[Entry], capacity: int, cost: Callable[[str], int], free: Collection[str]) -> frozenset[str]:
    """The entries of the best ranks, as long as there is room for all of a text; those in `free` cost nothing."""
    wanted, kept, is_full = ranks(entries), set[str](), False
    for text in sorted(wanted, key=wanted.__getitem__):
        needed = [list_entry for list_entry in entries_of(text) if list_entry not in kept and list_entry not in free]
        capacity -= sum(map(cost, needed)) if not is_full else 0
        is_full = is_full or capacity < 0
        if not is_full or not needed:
            kept.update(entries_of(text))
    return frozenset(kept)


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
    list_entries = entries_of(entry.form or "")
    if any(list_entry not in keep for list_entry in list_entries):
        return Outcome(entry, AppliedState.HELD, None, LIST_FULL)
    ours = [list_entry for list_entry in list_entries if list_entry not in foreign]
    if len(ours) == len(list_entries):
        return Outcome(entry, AppliedState.APPLIED, entry.form)
    return Outcome(entry, AppliedState.APPLIED, text_of(ours), HALF_THERE if ours else ALREADY_THERE)


def rejections(entries: Iterable[Entry], present: Container[str], reasons: Mapping[str, str]) -> list[Outcome]:
    """What becomes of the indicators of which the vendor refuses an entry, in its words: each is rejected as a whole.

    What of them is present stays ours, so that the next plan takes it out: of a pair that may be the other entry.
    """
    found = list[Outcome]()
    for entry in entries:
        text = list_entry_of(entry)
        refused = (
            next((list_entry for list_entry in entries_of(text) if list_entry in reasons), None)
            if text is not None
            else None
        )
        if refused is not None:
            reason = Reason(code="vendor_rejected", detail=reasons[refused])
            found.append(Outcome(entry, AppliedState.REJECTED, left_of(entry.remote_id, present), reason))
    return found


def _stands(outcome: Outcome) -> bool:
    entry = outcome.entry
    return (
        not entry.uncertain
        and not entry.again
        and entry.wanted is not None
        and (entry.state, entry.content, entry.remote_id, entry.reason)
        == (outcome.state, entry.wanted, outcome.remote_id, outcome.reason)
    )
