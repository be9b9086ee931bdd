"""Which list of several each entry goes into. Pure, but for the forms it gives.

Invariant: what is in a list stays there as long as that is named and has room for it: nothing moves to where it would
fit better. What is new goes into the first list with room. Where none has any, those of the worst ranks leave, if that
makes room in one of the lists for something better; so of what is held nothing would fit into any list, if all that is
worse left that list. What somebody else wrote into one of the lists is there, and takes no room of ours.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.push_netskope import client, plan
from services.push_netskope.parts import Part, said_of, split
from services.runtime.item import Item, Rank

_Rank = tuple[Rank, str]


@dataclass(slots=True)
class _List:
    """A list that is filled: `free` bytes are left in it."""

    label: str
    free: int
    theirs: frozenset[str]


@dataclass(slots=True)
class _Lists:
    """`stays` are the entries that may leave for better ones, the worst last; `out` those that have to."""

    open: dict[str, _List]
    stays: list[tuple[_Rank, _List]] = field(default_factory=list)
    out: set[str] = field(default_factory=set)

    def found(self, entry: str, ours: str | None) -> str | None:
        """The list that an entry is in: `ours` is where we put it. None where it is in none that is open."""
        if ours in self.open:
            return ours
        return next((one.label for one in self.open.values() if said_of(entry, one.label) in one.theirs), None)

    def place(self, entry: str, rank: _Rank) -> _List | None:
        """Take the room for an entry in one of the lists; None where there is none."""
        size = _size(entry)
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


def spill(items: Collection[Item], parts: Sequence[Part], there: Mapping[str, client.UrlList | None]) -> bool:
    """Give each indicator its form in the list that it is in or goes to, or LIST_FULL. Returns whether any has to go.

    Each has the form that it has in the first list, or in any. `there` has the lists by name, as the parts say them.
    What is in a list that is none of the parts is left as it is.
    """
    where = _where(items, [part.label for part in parts])
    lists = _opened(items, parts, there)
    settled, news = list[Item](), defaultdict[str, list[Item]](list)
    for item in items:
        if item.wanted is None or not isinstance(item.form, str):
            continue
        entry = split(item.form)[0]
        is_in = None if item.remote_id is None else split(item.remote_id)[1]
        label = lists.found(entry, where.get(entry)) if is_in is None else is_in
        if label is None:
            item.form = entry
            if plan.entry_of(item) is not None:
                news[entry].append(item)
        elif is_in is None or any(part.label == is_in for part in parts):
            form = said_of(entry, label)
            item.form = item.remote_id if form == item.remote_id else form  # one text for both: there are many
            settled.append(item)
    _stay(settled, lists)
    # Where only a list of another type is left, that is what is to be said.
    last = next((part.label for part in parts if part.label not in lists.open), None)
    ranks = plan.ranks(item for found in news.values() for item in found)
    for entry in sorted(news, key=ranks.__getitem__):
        found = lists.place(entry, ranks[entry])
        label = found.label if found else last
        for item in news[entry]:
            item.form = plan.LIST_FULL if label is None else said_of(entry, label)
    for item in settled:
        if item.form in lists.out:
            item.form = plan.LIST_FULL
    return bool(lists.out)


def _where(items: Iterable[Item], labels: Sequence[str]) -> dict[str, str]:
    """The first list of ours that each entry is in."""
    order, found = {label: at for at, label in enumerate(labels)}, dict[str, int]()
    for item in items:
        if item.remote_id is not None and not item.stays:
            entry, label = split(item.remote_id)
            if label in order:
                found[entry] = min(order[label], found.get(entry, order[label]))
    return {entry: labels[at] for entry, at in found.items()}


def _opened(items: Iterable[Item], parts: Sequence[Part], there: Mapping[str, client.UrlList | None]) -> _Lists:
    """The lists with all their room. One of another type takes nothing."""
    ours = {item.remote_id for item in items if item.remote_id is not None and not item.stays}
    lists = _Lists({})
    for part in parts:
        now = there[part.name]
        if now is None or now.type == part.match:
            theirs = frozenset(url for url in (now.urls if now else ()) if url not in ours and url != part.default)
            room = plan.room_of(part, plan.size_in(part, theirs))
            lists.open[part.label] = _List(part.label, room, theirs)
    return lists


def _stay(settled: Collection[Item], lists: _Lists) -> None:
    """Let what is in a list keep its room there, as far as there is any: others may have taken it."""
    for form, rank in plan.ranks(settled).items():
        one = lists.open.get(split(form)[1])
        if one is not None and form not in one.theirs:
            one.free -= _size(split(form)[0])
            lists.stays.append((rank, one))
    lists.stays.sort(key=lambda found: found[0])
    short = {one.label for one in lists.open.values() if one.free < 0}
    for at in reversed(range(len(lists.stays) if short else 0)):
        (rank, one) = lists.stays[at]
        if one.free < 0:
            one.free += _size(split(rank[1])[0])
            lists.out.add(rank[1])
            del lists.stays[at]


def _size(entry: str) -> int:
    return len(entry) + plan.URL_EXTRA
