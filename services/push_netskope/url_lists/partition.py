"""The lists of one URL-list target that has several, each as a target of its own.

Invariant: the remote id of an applied entry names its list (see `list_entries`). In the first list it is the list entry
itself, in every other list it is `<list entry> in <list>`. A list entry never contains a space, so the two forms cannot
be confused. A part is planned in remote ids; only the vendor is sent the plain list entry.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from schemas.vendors.netskope import NetskopeTenant, UrlList
from services.push_netskope import client as api
from services.push_netskope.list_entries import said_of, split
from services.push_netskope.render import as_read_by, give_form
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.entry_store import EntryStore


class ListPart(UrlList):
    """One list of a target. `label` is its name, or empty for the first. `default` is as the part says it.

    `left`: the target names it no more, so nothing of ours is to stay in it.
    """

    owner: str
    """Id of the target."""
    label: str
    left: bool = False

    def has(self, entry: Entry) -> bool:
        """Whether an indicator is in it, or else is meant for it."""
        text = entry.form if entry.remote_id is None else entry.remote_id
        return (split(text)[1] if isinstance(text, str) else "") == self.label


def excess(target: UrlList) -> int:
    """How much longer entries are as this list says them than they are at the vendor."""
    return len(said_of("", target.label)) if isinstance(target, ListPart) else 0


def said(there: api.UrlList | None, target: UrlList) -> api.UrlList | None:
    """A list that was read, as it is said here."""
    if there is None or not isinstance(target, ListPart):
        return there
    return replace(there, urls=tuple(said_of(url, target.label) for url in there.urls))


def told(urls: Iterable[str], target: UrlList) -> Sequence[str]:
    """Entries as the vendor is told them."""
    if isinstance(target, ListPart):
        end = said_of("", target.label)
        return tuple(url.removesuffix(end) for url in urls)
    return urls if isinstance(urls, tuple) else tuple(urls)


def members(store: EntryStore, target: UrlList) -> Collection[Entry]:
    """The indicators that are in a list or meant for it; those of a part have their forms already."""
    if isinstance(target, ListPart):
        return [entry for entry in store.entries.get(target.owner, {}).values() if target.has(entry)]
    entries = list(store.entries.get(target.id, {}).values())
    for entry in entries:
        give_form(entry, target)
    return entries


def is_spread(target: UrlList, entries: Iterable[Entry]) -> bool:
    """Whether it has several lists, or had, and something of ours is still in one of those."""
    return bool(target.overflow) or any(split(entry.remote_id)[1] for entry in entries if entry.remote_id is not None)


def parts_of(target: UrlList, entries: Iterable[Entry]) -> tuple[list[ListPart], list[ListPart]]:
    """Its lists in the order they are filled, and those that are named no more and have something of ours in them."""
    labels = ["", *(target.overflow or ())]
    left = {split(entry.remote_id)[1] for entry in entries if entry.remote_id is not None}.difference(labels)
    return [_part(target, label) for label in labels], [_part(target, label, left=True) for label in sorted(left)]


def lists_at(store: EntryStore, tenant: NetskopeTenant) -> Iterable[UrlList]:
    """Every URL list that is ours to write in this tenant, part by part."""
    for each in store.targets.values():
        target = as_read_by(tenant, each)
        if isinstance(target, UrlList):
            entries = store.entries.get(target.id, {}).values()
            if is_spread(target, entries):
                named, left = parts_of(target, entries)
                yield from (*named, *left)
            else:
                yield target


def _part(target: UrlList, label: str, *, left: bool = False) -> ListPart:
    return ListPart(
        kind=target.kind,
        name=label or target.name,
        match=target.match,
        subdomains=target.subdomains,
        size_mb=target.size_mb,
        default=said_of(target.default, label),
        owner=target.id,
        label=label,
        left=left,
    )
