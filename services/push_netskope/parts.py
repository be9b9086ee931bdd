"""The lists of one URL-list target that has several, each as a target of its own.

Invariant: the books tell in which list an entry is: by the remote id, which is the entry itself in the first list, and
`<entry> in <list>` in every other. No entry has a space in it. A part is planned in these words, so an entry is never
taken for that of another list; only the vendor is told the entry itself.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from schemas.targets import UrlList
from services.push_netskope import client as api
from services.push_netskope.render import give_form
from services.runtime.standing import Item, Standing

_IN: Final = " in "


class Part(UrlList):
    """One list of a target. `label` is its name, or empty for the first. `default` is as the part says it.

    `left`: the target names it no more, so nothing of ours is to stay in it.
    """

    owner: str
    """Id of the target."""
    label: str
    left: bool = False

    def has(self, item: Item) -> bool:
        """Whether an indicator is in it, or else is meant for it."""
        text = item.form if item.remote_id is None else item.remote_id
        return (split(text)[1] if isinstance(text, str) else "") == self.label


def said_of(entry: str, label: str) -> str:
    """An entry, as the part of this label says it."""
    return f"{entry}{_IN}{label}" if label else entry


def split(text: str) -> tuple[str, str]:
    """The entry of a remote id of ours, and the label of the list that it is in."""
    entry, _, label = text.partition(_IN)
    return entry, label


def excess(target: UrlList) -> int:
    """How much longer entries are as this list says them than they are at the vendor."""
    return len(said_of("", target.label)) if isinstance(target, Part) else 0


def said(there: api.UrlList | None, target: UrlList) -> api.UrlList | None:
    """A list that was read, as it is said here."""
    if there is None or not isinstance(target, Part):
        return there
    return replace(there, urls=tuple(said_of(url, target.label) for url in there.urls))


def told(urls: Iterable[str], target: UrlList) -> Sequence[str]:
    """Entries as the vendor is told them."""
    if isinstance(target, Part):
        end = said_of("", target.label)
        return tuple(url.removesuffix(end) for url in urls)
    return urls if isinstance(urls, tuple) else tuple(urls)


def members(standing: Standing, target: UrlList) -> Collection[Item]:
    """The indicators that are in a list or meant for it; those of a part have their forms already."""
    if isinstance(target, Part):
        return [item for item in standing.items.get(target.owner, {}).values() if target.has(item)]
    items = list(standing.items.get(target.id, {}).values())
    for item in items:
        give_form(item, target)
    return items


def is_spread(target: UrlList, items: Iterable[Item]) -> bool:
    """Whether it has several lists, or had, and something of ours is still in one of those."""
    return bool(target.overflow) or any(split(item.remote_id)[1] for item in items if item.remote_id is not None)


def parts_of(target: UrlList, items: Iterable[Item]) -> tuple[list[Part], list[Part]]:
    """Its lists in the order they are filled, and those that are named no more and have something of ours in them."""
    labels = ["", *(target.overflow or ())]
    left = {split(item.remote_id)[1] for item in items if item.remote_id is not None}.difference(labels)
    return [_part(target, label) for label in labels], [_part(target, label, left=True) for label in sorted(left)]


def lists_at(standing: Standing) -> Iterable[UrlList]:
    """Every URL list that is ours to write, part by part."""
    for target in standing.targets.values():
        if isinstance(target, UrlList):
            items = standing.items.get(target.id, {}).values()
            if is_spread(target, items):
                named, left = parts_of(target, items)
                yield from (*named, *left)
            else:
                yield target


def _part(target: UrlList, label: str, *, left: bool = False) -> Part:
    return Part(
        kind=target.kind,
        name=label or target.name,
        match=target.match,
        size_mb=target.size_mb,
        default=said_of(target.default, label),
        owner=target.id,
        label=label,
        left=left,
    )
