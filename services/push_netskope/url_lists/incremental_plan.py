"""Plans of a list from what changed since the last plan. Pure.

Invariant: an incremental plan equals the plan of all entries (url_lists/plan.py; proven by
tests/unit/test_push_netskope_kept.py), apart from the order of outcomes. Where equality is not certain, because
another writer changed the list or not every entry fits, this module makes no plan and the caller plans in full.
"""

from collections.abc import Iterable
from typing import Self

from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.hash_lists.plan import HashListPlan
from services.push_netskope.url_lists import plan, ranking
from services.push_netskope.url_lists.index import EntryIndex
from services.push_netskope.url_lists.outcomes import outcomes_of
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.entry_store import Changes


class IncrementalUrlListPlan:
    """A URL list as last read or written, with the index of its entries.

    The list holds the settled entries, perhaps the default, and `others`: entries of other people and our open ones.
    """

    def __init__(self, index: EntryIndex, target: UrlList, urls: tuple[str, ...], others: set[str]) -> None:
        self.index = index
        self._target = target
        self._urls = urls
        self._others = others
        self._others_size = plan.size_of_urls(others)
        self._has_default = target.default in urls

    @classmethod
    def of(cls, entries: Iterable[Entry], target: UrlList, urls: tuple[str, ...], changes: Changes) -> Self | None:
        """Build it from all entries; None if every plan of this list needs all entries."""
        index = EntryIndex(entries, target, plan.URL_EXTRA, changes)
        present = set(urls)
        if len(present) < len(urls) or not index.list_entries.keys() <= present or index.is_full:
            return None
        texts = dict(zip(index.list_entries, index.list_entries, strict=True))  # one text for both: there are many
        urls = tuple(texts.get(url, url) for url in urls)
        return cls(index, target, urls, present - index.list_entries.keys() - {target.default})

    @property
    def size(self) -> int:
        """Bytes of the list, as its limit counts them."""
        default = self._target.default
        alone = self._has_default and default not in self.index.list_entries
        return self.index.size + self._others_size + (plan.size_of_urls([default]) if alone else 0)

    def __contains__(self, url: object) -> bool:
        """Whether the list has this entry."""
        return (
            url in self.index.list_entries or url in self._others or (url == self._target.default and self._has_default)
        )

    def follows(self, target: UrlList, there: client.UrlList | None) -> bool:
        """Apply the changes. Returns whether the list as just read is still the list known here."""
        if there is None or target != self._target or there.type != target.match:
            return False
        if there.urls != self._urls:
            if len(there.urls) != len(self._urls) or set(there.urls) != set(self._urls):
                return False
            self._urls = there.urls
        return self._absorb()

    def planned(self) -> plan.UrlListPlan | None:
        """Plan from the changes until now; None if the plan needs all entries."""
        if not self._absorb():
            return None
        index, target, open_ = self.index, self._target, self.index.open
        owned = ranking.owned_by(open_)
        wanted = index.wanted()
        fresh = wanted - index.list_entries.keys()
        ours = self._others & owned
        foreign_size = self._others_size - plan.size_of_urls(ours)
        if index.size + plan.size_of_urls(fresh) > plan.capacity_of(target, foreign_size):
            return None
        remove = {url for url in owned - wanted if url not in index.list_entries and url in self}
        some = index.list_entries or fresh or len(ours) < len(self._others)
        if some and self._has_default and target.default not in wanted | index.list_entries.keys():
            remove.add(target.default)
        missing = {list_entry for list_entry in fresh if list_entry not in self}
        add = ranking.in_order(missing, open_)
        outcomes = outcomes_of(open_, wanted, (wanted & self._others) - owned)
        return plan.written(self._urls, add, remove, target, outcomes, again=plan.is_again(open_, self))

    def wrote(self, planned: plan.UrlListPlan) -> None:
        """Record that the list was written as planned. Changes of its entries since then are applied later."""
        if planned.urls is None:
            return
        self._urls = planned.urls
        default = self._target.default
        self._has_default = default in planned.add or (self._has_default and default not in planned.remove)
        self._put(url for url in planned.add if url != default)
        for url in planned.remove & self._others:
            self._take_out(url)

    def _absorb(self) -> bool:
        """Apply the changes. Returns False if an entry counts as settled that the list does not have."""
        for list_entry, is_settled in self.index.absorb().items():
            if list_entry == self._target.default:
                if not self._has_default:
                    return False
            elif not is_settled:
                self._put([list_entry])
            elif list_entry in self._others:
                self._take_out(list_entry)
            else:
                return False
        return True

    def _put(self, urls: Iterable[str]) -> None:
        for url in urls:
            if url not in self._others:
                self._others.add(url)
                self._others_size += plan.size_of_urls([url])

    def _take_out(self, url: str) -> None:
        self._others.remove(url)
        self._others_size -= plan.size_of_urls([url])


class IncrementalHashListPlan:
    """The index of a file-hash list. Netskope cannot return the content of the list, and no plan needs it."""

    def __init__(self, index: EntryIndex, target: FileHashList) -> None:
        self.index = index
        self._target = target

    @classmethod
    def of(cls, entries: Iterable[Entry], target: FileHashList, changes: Changes) -> Self | None:
        """Build it from all entries; None if every plan of this list needs all entries."""
        in_order = sorted(entries, key=lambda entry: entry.remote_id or "")
        index = EntryIndex(in_order, target, plan.HASH_EXTRA, changes)
        return None if index.is_full else cls(index, target)

    def planned(self, target: FileHashList) -> HashListPlan | None:
        """Plan from the changes until now; None if the plan needs all entries."""
        if target != self._target:
            return None
        self.index.absorb()
        index, open_ = self.index, self.index.open
        staying = {entry.remote_id for entry in open_ if entry.stays and entry.remote_id is not None}
        wanted = index.wanted()
        fresh = wanted - index.list_entries.keys()
        capacity = plan.capacity_of(target, plan.size_of_hashes(staying))
        if index.size + plan.size_of_hashes(fresh) > capacity:
            return None
        # Two sorted runs sort much faster than a set of the same hashes.
        hashes = sorted([*index.list_entries, *sorted((wanted | staying) - index.list_entries.keys())])
        return HashListPlan(tuple(hashes) or (target.default,), outcomes_of(open_, wanted, ()))
