"""Allocates the entries of one target to its URL lists. Pure, apart from setting `form`.

Invariant: an entry stays in its list while the target names that list and it has room. A new entry goes into the first
list with room. When no list has room, entries of worse rank leave if that frees enough in one list. An entry that
another writer put into a list counts as present and takes none of our room. Both entries of a pair are in one list.
An entry that two indicators share counts for each, so a list is never over-full.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from services.push_netskope import client
from services.push_netskope.list_entries import all_of, is_whole, said_of, size_of, split
from services.push_netskope.url_lists import plan, ranking
from services.push_netskope.url_lists.outcomes import LIST_FULL
from services.push_netskope.url_lists.partition import ListPart
from services.runtime.reconciling.entry import Entry, Rank

_Rank = tuple[Rank, str]


@dataclass(slots=True)
class _List:
    """A list with `free` bytes left, and the entries of other writers (`theirs`)."""

    label: str
    free: int
    theirs: frozenset[str]


@dataclass
class _Lists:
    """The lists that take entries. `members` are the indicators in one of them, `out` the entries that must leave."""

    open: dict[str, _List]
    members: list[Entry] = field(default_factory=list)
    out: set[str] = field(default_factory=set)

    @cached_property
    def stays(self) -> list[tuple[_Rank, _List]]:
        """Our entries by rank, the worst last. Computed only when one must leave: there are many."""
        ranked = sorted((rank, form) for form, rank in ranking.ranks(self.members).items())
        found = [(rank, self.open.get(split(form)[1])) for rank, form in ranked]
        return [(rank, one) for rank, one in found if one is not None and not is_whole(rank[1], one.theirs)]

    def found(self, list_entry: str, ours: str | None) -> str | None:
        """Return the open list that holds an entry, None if there is none. `ours` is the list we put it into."""
        if ours in self.open:
            return ours
        theirs = (one.label for one in self.open.values() if is_whole(said_of(list_entry, one.label), one.theirs))
        return next(theirs, None)

    def take_room(self, list_entry: str, rank: _Rank) -> _List | None:
        """Reserve room for an entry in one of the lists. Returns that list, None if no list has room."""
        size = _size(list_entry)
        found = next((one for one in self.open.values() if one.free >= size), None) or self._make_room(size, rank)
        if found:
            found.free -= size
        return found

    def _make_room(self, size: int, rank: _Rank) -> _List | None:
        gone: list[tuple[_Rank, _List]] = []
        found = None
        while found is None and self.stays and self.stays[-1][0] > rank:
            gone.append(self.stays.pop())
            leaving, where = gone[-1]
            where.free += _size(split(leaving[1])[0])
            found = where if where.free >= size else None
        while gone:
            leaving, where = gone.pop()
            needed = _size(split(leaving[1])[0])
            if where.free - needed >= (size if where is found else 0):
                where.free -= needed
                self.stays.append((leaving, where))
            else:
                self.out.add(leaving[1])
        return found


def allocate(entries: Collection[Entry], parts: Sequence[ListPart], there: Mapping[str, client.UrlList | None]) -> bool:
    """Set the form of each indicator: its entry in one of the lists, or LIST_FULL. Returns whether any must leave.

    `there` has the lists by name, with entries as `from_vendor` returns them. Entries in lists that are none of the
    parts keep their form.
    """
    where = _current_lists(entries, [part.label for part in parts])
    lists = _open_lists(entries, parts, there)
    named, added = {part.label for part in parts}, defaultdict[str, list[Entry]](list)
    for entry in entries:
        if entry.wanted is None or not isinstance(entry.form, str):
            continue
        list_entry = split(entry.form)[0]
        is_in = None if entry.remote_id is None else split(entry.remote_id)[1]
        label = lists.found(list_entry, where.get(list_entry)) if is_in is None else is_in
        if label is None:
            entry.form = list_entry
            if ranking.list_entry_of(entry) is not None:
                added[list_entry].append(entry)
        elif label in named:
            form = said_of(list_entry, label)
            entry.form = entry.remote_id if form == entry.remote_id else form  # one text for both: there are many
            lists.members.append(entry)
    _keep_room(lists)
    # An entry that only fits into a list of another type goes there: its plan reports the wrong type.
    last = next((part.label for part in parts if part.label not in lists.open), None)
    ranks = ranking.ranks(entry for found in added.values() for entry in found)
    for list_entry in sorted(added, key=ranks.__getitem__):
        found = lists.take_room(list_entry, ranks[list_entry])
        label = found.label if found else last
        for entry in added[list_entry]:
            entry.form = LIST_FULL if label is None else said_of(list_entry, label)
    for entry in lists.members if lists.out else ():
        if entry.form in lists.out:
            entry.form = LIST_FULL
    return bool(lists.out)


def _current_lists(entries: Iterable[Entry], labels: Sequence[str]) -> dict[str, str]:
    """Return the first of our lists that each entry is in."""
    order, found = {label: at for at, label in enumerate(labels)}, dict[str, int]()
    for entry in entries:
        if entry.remote_id is not None and not entry.stays:
            list_entry, label = split(entry.remote_id)
            if label in order:
                found[list_entry] = min(order[label], found.get(list_entry, order[label]))
    return {list_entry: labels[at] for list_entry, at in found.items()}


def _open_lists(
    entries: Iterable[Entry], parts: Sequence[ListPart], there: Mapping[str, client.UrlList | None]
) -> _Lists:
    """Return the lists with all their room. A list of another type takes no entries."""
    ours = all_of(entry.remote_id for entry in entries if not entry.stays)
    lists = _Lists({})
    for part in parts:
        now = there[part.name]
        if now is None or now.type == part.match:
            theirs = frozenset(url for url in (now.urls if now else ()) if url not in ours and url != part.default)
            capacity = plan.capacity_of(part, plan.size_in(part, theirs))
            lists.open[part.label] = _List(part.label, capacity, theirs)
    return lists


def _keep_room(lists: _Lists) -> None:
    """Reserve the room of the entries already in a list, best ranks first: other writers may have taken some."""
    for form in {entry.form for entry in lists.members if ranking.list_entry_of(entry) is not None}:
        list_entry, label = split(str(form))
        one = lists.open.get(label)
        if one is not None and not is_whole(form, one.theirs):
            one.free -= _size(list_entry)
    if any(one.free < 0 for one in lists.open.values()):
        for at in reversed(range(len(lists.stays))):
            (rank, one) = lists.stays[at]
            if one.free < 0:
                one.free += _size(split(rank[1])[0])
                lists.out.add(rank[1])
                del lists.stays[at]


def _size(text: str) -> int:
    return size_of(text, plan.URL_EXTRA)
