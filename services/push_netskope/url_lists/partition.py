"""The parts of a URL-list target with several lists: each list is a target of its own.

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
    """One list of a target. `label` is its name, empty for the first list. `default` is a remote id of this part.

    `left`: the target no longer names this list, so our entries leave it.
    """

    owner: str
    """Id of the target."""
    label: str
    left: bool = False

    def has(self, entry: Entry) -> bool:
        """Whether an indicator is in this list, or is allocated to it and in no other."""
        text = entry.form if entry.remote_id is None else entry.remote_id
        return (split(text)[1] if isinstance(text, str) else "") == self.label


def excess(target: UrlList) -> int:
    """Return how many characters longer a remote id of this list is than the list entry at the vendor."""
    return len(said_of("", target.label)) if isinstance(target, ListPart) else 0


def from_vendor(there: api.UrlList | None, target: UrlList) -> api.UrlList | None:
    """Return a list that was read, with its entries as remote ids of this target."""
    if there is None or not isinstance(target, ListPart):
        return there
    return replace(there, urls=tuple(said_of(url, target.label) for url in there.urls))


def to_vendor(urls: Iterable[str], target: UrlList) -> Sequence[str]:
    """Return remote ids of this target as the list entries to send."""
    if isinstance(target, ListPart):
        end = said_of("", target.label)
        return tuple(url.removesuffix(end) for url in urls)
    return urls if isinstance(urls, tuple) else tuple(urls)


def members(store: EntryStore, target: UrlList) -> Collection[Entry]:
    """Return the indicators in a list or allocated to it. Sets their forms, except for a part, where they are set."""
    if isinstance(target, ListPart):
        return [entry for entry in store.entries.get(target.owner, {}).values() if target.has(entry)]
    entries = list(store.entries.get(target.id, {}).values())
    for entry in entries:
        give_form(entry, target)
    return entries


def is_spread(target: UrlList, entries: Iterable[Entry]) -> bool:
    """Whether the target has several lists, or our entries are still in a list that it named before."""
    return bool(target.overflow) or any(split(entry.remote_id)[1] for entry in entries if entry.remote_id is not None)


def parts_of(target: UrlList, entries: Iterable[Entry]) -> tuple[list[ListPart], list[ListPart]]:
    """Return the lists of a target in filling order, and the lists it no longer names that still have our entries."""
    labels = ["", *(target.overflow or ())]
    left = {split(entry.remote_id)[1] for entry in entries if entry.remote_id is not None}.difference(labels)
    return [_part(target, label) for label in labels], [_part(target, label, left=True) for label in sorted(left)]


def lists_at(store: EntryStore, tenant: NetskopeTenant) -> Iterable[UrlList]:
    """Yield every URL list that we write in this tenant, part by part."""
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
