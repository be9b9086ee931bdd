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
from services.push_netskope.parts import excess
from services.runtime.item import Item, Outcome, Place, Rank

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


def plan_url_list(items: Collection[Item], target: UrlList, there: client.UrlList | None) -> UrlListPlan:
    """Plan one URL list. `there` is the list as it is, None when it has to be made."""
    present = dict.fromkeys(there.urls) if there else {}
    bulk, others = parted(items)
    owned = bulk | {item.remote_id for item in others if item.remote_id is not None and not item.stays}
    foreign = {url for url in present if url not in owned and url != target.default}
    room = room_of(target, size_in(target, foreign))
    keep = fitting(items, (bulk, others), room, URL_EXTRA - excess(target), free=foreign)
    remove = {url for url in owned.difference(keep) if url in present}
    if keep or foreign:
        remove |= {target.default} & present.keys() - keep
    missing = {entry for entry in keep if entry not in present}
    wanted = ranks(item for item in items if item.form in missing) if missing else {}
    add = sorted(missing, key=wanted.__getitem__)
    concerned = others if bulk <= keep else items
    return written(present, add, remove, target, outcomes_of(concerned, keep, foreign), again=is_again(others, present))


def is_again(items: Iterable[Item], present: Container[str]) -> bool:
    """Whether one of them is there and is to be written once more nevertheless."""
    return any(item.again and item.remote_id in present for item in items if item.wanted is not None)


def plan_other_type(items: Collection[Item], target: UrlList, there: client.UrlList) -> UrlListPlan:
    """Plan a list that is of another type than the target says: what is withdrawn goes, nothing else is touched."""
    withdrawn = {item.remote_id for item in items if item.wanted is None and not item.stays}
    remove = {url for url in there.urls if url in withdrawn}
    remove -= {item.remote_id for item in items if item.wanted is not None or item.stays}
    detail = f"the list is {there.type}, the target says {target.match}; make the two alike, or name another list"
    reason = Reason(code="list_type", detail=detail)
    outcomes = [
        Outcome(item, AppliedState.FAILED, item.remote_id, reason) if item.wanted is not None else Outcome(item, None)
        for item in items
        if item.place not in (Place.SETTLED, Place.GUARDED)
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


@dataclass(slots=True)
class HashListPlan:
    """The whole list as it should be, and what that makes of every entry once it is written."""

    hashes: tuple[str, ...]
    outcomes: list[Outcome]


def plan_hash_list(items: Collection[Item], target: FileHashList) -> HashListPlan:
    """Plan one file-hash list. It cannot be read, so whatever other people put there does not stay.

    What nobody desires and is to stay nevertheless, because it is kept back or released, is written with the rest.
    """
    staying = {item.remote_id for item in items if item.stays and item.remote_id is not None}
    room = room_of(target, size_of_hashes(staying))
    bulk, others = parted(items)
    keep = fitting(items, (bulk, others), room, HASH_EXTRA, free=staying)
    outcomes = outcomes_of(others if bulk <= keep else items, keep, frozenset())
    return HashListPlan(tuple(sorted(keep | staying)) or (target.default,), outcomes)


_Rank = tuple[Rank, str]


def ranks(items: Iterable[Item]) -> dict[str, _Rank]:
    """The entries that are wanted, each with the best rank of the indicators behind it (the least is the best)."""
    found: dict[str, _Rank] = {}
    for item in items:
        entry = entry_of(item)
        if entry is not None:
            rank = (item.rank, entry)
            found[entry] = min(rank, found.get(entry, rank))
    return found


def entry_of(item: Item) -> str | None:
    """The entry that stands for an indicator, if it is wanted and nothing speaks against it."""
    kept_back = item.place is Place.GUARDED
    if item.wanted is None or kept_back or item.out_of_the_way or not isinstance(item.form, str):
        return None
    return item.form


def unwritten(items: Iterable[Item], entries: Collection[str]) -> list[tuple[Item, str | None]]:
    """The indicators behind these entries that are not known to be there, to be noted before they are written."""
    return [(item, entry) for item in items if (entry := entry_of(item)) in entries and item.remote_id != entry]


def notes(items: Iterable[Item], planned: UrlListPlan) -> list[tuple[Item, str | None]]:
    """What is to be noted before a URL list is written: what comes; where nothing does, one that goes.

    So the books know of every write, and after a restart a list that waits for a deploy is known for ours.
    """
    going = (item for item in items if item.remote_id in planned.remove)
    return unwritten(items, frozenset(planned.add)) or [(item, item.remote_id) for item in islice(going, 1)]


def settled_entry(item: Item) -> str | None:
    """The entry that is there as it should be for an indicator: nothing is to be done, or recorded, about it."""
    form = item.form
    if (
        form is None
        or form != item.remote_id
        or item.place is not Place.SETTLED
        or item.state is not AppliedState.APPLIED
        or item.wanted is None
        or (item.resend_at is not None and item.again)
    ):
        return None
    return item.remote_id


def parted(items: Iterable[Item]) -> tuple[frozenset[str], list[Item]]:
    """Entries that are there as they should be, and the indicators of all others: of a large list those are few."""
    bulk, others = list[str](), list[Item]()
    for item in items:
        entry = settled_entry(item)
        if entry is not None:
            bulk.append(entry)
        else:
            others.append(item)
    return frozenset(bulk), others


def fitting(
    items: Collection[Item],
    parted: tuple[frozenset[str], list[Item]],
    room: int,
    extra: int,
    free: Collection[str],
) -> frozenset[str]:
    """Those entries of the wanted that fit into `room` bytes, best ranks first. Those in `free` take none."""
    bulk, others = parted
    every = bulk | {entry for item in others if (entry := entry_of(item)) is not None}
    if _size(every, extra) <= room:
        return every
    wanted, kept = ranks(items), list[str]()
    for entry in sorted(wanted, key=wanted.__getitem__):
        if entry not in free:
            room -= len(entry) + extra
            if room < 0:
                break
        kept.append(entry)
    return frozenset(kept) | (frozenset(free) & every)


def room_of(target: UrlList | FileHashList, others: int) -> int:
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


def _size(entries: Iterable[str], extra: int) -> int:
    sizes = [len(entry) for entry in entries]
    return sum(sizes) + extra * len(sizes)


def outcomes_of(items: Iterable[Item], keep: Container[str], foreign: Container[str]) -> list[Outcome]:
    """What becomes of every entry whose record says something else."""
    outcomes = (_outcome(item, keep, foreign) for item in items if item.place is not Place.GUARDED and not item.stays)
    return [outcome for outcome in outcomes if not _stands(outcome)]


def _outcome(item: Item, keep: Container[str], foreign: Container[str]) -> Outcome:
    if item.wanted is None:
        return Outcome(item, None)
    if item.form is LIST_FULL:
        return Outcome(item, AppliedState.HELD, None, LIST_FULL)
    if isinstance(item.form, Reason):
        return Outcome(item, AppliedState.SKIPPED, None, item.form)
    if item.out_of_the_way:
        return Outcome(item, item.state, None, item.reason)
    if item.form not in keep:
        return Outcome(item, AppliedState.HELD, None, LIST_FULL)
    if item.form in foreign:
        return Outcome(item, AppliedState.APPLIED, None, ALREADY_THERE)
    return Outcome(item, AppliedState.APPLIED, item.form)


def _stands(outcome: Outcome) -> bool:
    item = outcome.item
    return (
        not item.uncertain
        and not item.again
        and item.wanted is not None
        and (item.state, item.content, item.remote_id, item.reason)
        == (outcome.state, item.wanted, outcome.remote_id, outcome.reason)
    )
