"""Plans of URL lists: the entries to add and remove, and the outcome of each entry. Pure.

Invariant: a plan depends on what is desired, rejected and written by other people, never on the order of events.
Entries of other people stay. Several indicators may share an entry, which is removed with the last of them. Of a pair
(`list_entries`) both entries are written or none; one that another writer put there stays. When not all entries fit,
those of the best rank stay (severity, reputation, last report, then value) and the rest is held.
"""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from schemas.record import Reason
from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.list_entries import all_of
from services.push_netskope.url_lists.outcomes import mismatched, outcomes_of, unwritten
from services.push_netskope.url_lists.partition import excess
from services.push_netskope.url_lists.ranking import best, in_order, owned_by, split_settled, wanted_by, withdrawn
from services.runtime.reconciling.entry import Entry, Outcome

MEGABYTE: Final = 1_000_000
_ENVELOPE: Final = 1_024
"""Bytes around the entries of a request, with a long name."""
URL_EXTRA, HASH_EXTRA = 3, 1
"""Bytes that an entry adds to its own: quotes and a comma, or a comma."""


@dataclass(slots=True)
class UrlListPlan:
    """The plan of one list. `urls` is the whole new list, None when nothing needs to be written.

    `again`: write the whole list even if no entry changes.
    """

    add: tuple[str, ...] = ()
    remove: frozenset[str] = frozenset()
    urls: tuple[str, ...] | None = None
    again: bool = False
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FittedList:
    """The entries present in a list, who wrote them, and which entries of ours fit (`keep`).

    `settled` are the entries that need no change, `open` the indicators of all other entries.
    """

    present: dict[str, None]
    foreign: set[str]
    owned: frozenset[str]
    keep: frozenset[str]
    settled: frozenset[str]
    open: list[Entry]

    def ours(self, target: UrlList) -> int:
        """Return the number of present entries that we may remove: ours, and the default."""
        return sum(url in self.owned or url == target.default for url in self.present)


def fit(entries: Collection[Entry], target: UrlList, there: client.UrlList | None) -> FittedList:
    """Work out which entries fit into a list. `there` is the list as read, None if it does not exist."""
    present = dict.fromkeys(there.urls) if there else {}
    settled, others = split_settled(entries)
    owned = settled | owned_by(others)
    foreign = {url for url in present if url not in owned and url != target.default}
    capacity = capacity_of(target, size_in(target, foreign))
    keep = fitting(entries, (settled, others), capacity, URL_EXTRA - excess(target), free=foreign)
    return FittedList(present, foreign, owned, keep, settled, others)


def plan_url_list(entries: Collection[Entry], target: UrlList, there: client.UrlList | None) -> UrlListPlan:
    """Plan one URL list. `there` is the list as read, None if it does not exist."""
    found = fit(entries, target, there)
    present, foreign, keep = found.present, found.foreign, found.keep
    remove = {url for url in found.owned.difference(keep) if url in present}
    if keep or foreign:
        remove |= {target.default} & present.keys() - keep
    missing = {list_entry for list_entry in keep if list_entry not in present}
    add = in_order(missing, entries)
    outcomes = outcomes_of(found.open if found.settled <= keep else entries, keep, foreign)
    return written(present, add, remove, target, outcomes, again=is_again(found.open, present))


def is_again(entries: Iterable[Entry], present: Container[str]) -> bool:
    """Whether one of these entries is present and must still be sent again."""
    return any(
        entry.again and any(list_entry in present for list_entry in all_of([entry.remote_id]))
        for entry in entries
        if entry.wanted is not None
    )


def plan_other_type(entries: Collection[Entry], target: UrlList, there: client.UrlList) -> UrlListPlan:
    """Plan a list whose type differs from the target's: remove what is withdrawn, change nothing else."""
    remove = withdrawn(entries) & set(there.urls)
    detail = f"the list is {there.type}, the target says {target.match}; make the two alike, or name another list"
    reason = Reason(code="list_type", detail=detail)
    outcomes = mismatched(entries, reason)
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
    """Return the plan that applies `add` and `remove` to the present entries. `present` has no duplicates."""
    left = [url for url in present if url not in remove] if remove else present
    if remove and not left and not add:
        add = [target.default]
    urls = (*left, *add) if add or remove or again else None
    return UrlListPlan(tuple(add), frozenset(remove), urls, again, outcomes)


def notes(entries: Iterable[Entry], planned: UrlListPlan) -> list[tuple[Entry, str | None]]:
    """Return what to write ahead of a URL list: the added entries, or else one removed entry.

    So every write is recorded, and after a restart we recognise our own pending change.
    """
    going = (entry for entry in entries if not planned.remove.isdisjoint(all_of([entry.remote_id])))
    return unwritten(entries, frozenset(planned.add)) or [(entry, entry.remote_id) for entry in islice(going, 1)]


def fitting(
    entries: Collection[Entry],
    found: tuple[frozenset[str], list[Entry]],
    capacity: int,
    extra: int,
    free: Collection[str],
) -> frozenset[str]:
    """Return the wanted entries that fit into `capacity` bytes, best ranks first. Those in `free` take none."""
    bulk, others = found
    every = bulk | wanted_by(others)
    if _size(every, extra) <= capacity:
        return every
    return best(entries, capacity, lambda list_entry: len(list_entry) + extra, free)


def capacity_of(target: UrlList | FileHashList, others: int) -> int:
    """Return the bytes available for our entries, beside `others` bytes of entries that we may not remove."""
    return target.size_mb * MEGABYTE - others - (_ENVELOPE if isinstance(target, UrlList) else 0)


def size_of_urls(urls: Iterable[str]) -> int:
    """Return the bytes of a URL list as its limit counts them."""
    return _size(urls, URL_EXTRA)


def size_in(target: UrlList, urls: Iterable[str]) -> int:
    """Return the bytes of remote ids of a list, or part of one, as its limit counts them."""
    return _size(urls, URL_EXTRA - excess(target))


def size_of_hashes(hashes: Iterable[str]) -> int:
    """Return the bytes of a file-hash list as its limit counts them."""
    return _size(hashes, HASH_EXTRA)


def _size(list_entries: Iterable[str], extra: int) -> int:
    sizes = [len(list_entry) for list_entry in list_entries]
    return sum(sizes) + extra * len(sizes)
