"""Plans of a list from what changed since the last one alone. Pure.

Invariant: a plan made here says what the plan of all entries would (`services/push_netskope/plan.py`; proven by
tests/unit/test_push_netskope_kept.py). Where that is not certain, because somebody else changed the list or not all
of it fits, none is made here. The order that outcomes are told in is no part of a plan.
"""

from collections.abc import Iterable
from typing import Self

from schemas.targets import FileHashList, UrlList
from services.push_netskope import client, plan
from services.push_netskope.hashplan import HashListPlan
from services.push_netskope.settled import Settled
from services.runtime.standing import Changes, Item


class KeptUrlList:
    """A URL list as it was last read or written, and how its entries stand.

    What is in the list is what is settled, the default perhaps, and `others`: entries of other people, and of ours that
    are open.
    """

    def __init__(self, settled: Settled, target: UrlList, urls: tuple[str, ...], others: set[str]) -> None:
        self.settled = settled
        self._target = target
        self._urls = urls
        self._others = others
        self._others_size = plan.size_of_urls(others)
        self._has_default = target.default in urls

    @classmethod
    def of(cls, items: Iterable[Item], target: UrlList, urls: tuple[str, ...], changes: Changes) -> Self | None:
        """How it stands now; None where only all entries together tell what is next."""
        settled = Settled(items, target, plan.URL_EXTRA, changes)
        present = set(urls)
        if len(present) < len(urls) or not settled.entries.keys() <= present or settled.is_full:
            return None
        texts = dict(zip(settled.entries, settled.entries, strict=True))  # one text for both: there are many
        urls = tuple(texts.get(url, url) for url in urls)
        return cls(settled, target, urls, present - settled.entries.keys() - {target.default})

    @property
    def size(self) -> int:
        """Bytes of the list, as its limit counts them."""
        default = self._target.default
        alone = self._has_default and default not in self.settled.entries
        return self.settled.size + self._others_size + (plan.size_of_urls([default]) if alone else 0)

    def __contains__(self, url: object) -> bool:
        """Whether it is in the list."""
        return url in self.settled.entries or url in self._others or (url == self._target.default and self._has_default)

    def follows(self, target: UrlList, there: client.UrlList | None) -> bool:
        """Take in what changed. Returns whether the list, as it was just read, is still the one known here."""
        if there is None or target != self._target or there.type != target.match:
            return False
        if there.urls != self._urls:
            if len(there.urls) != len(self._urls) or set(there.urls) != set(self._urls):
                return False
            self._urls = there.urls
        return self._absorb()

    def planned(self) -> plan.UrlListPlan | None:
        """The plan, as of what has changed until now; None where it must be made from all entries."""
        if not self._absorb():
            return None
        settled, target, open_ = self.settled, self._target, self.settled.open
        owned = {item.remote_id for item in open_ if item.remote_id is not None and not item.stays}
        wanted = settled.wanted()
        fresh = wanted - settled.entries.keys()
        ours = self._others & owned
        foreign_size = self._others_size - plan.size_of_urls(ours)
        if settled.size + plan.size_of_urls(fresh) > plan.room_of(target, foreign_size):
            return None
        remove = {url for url in owned - wanted if url not in settled.entries and url in self}
        some = settled.entries or fresh or len(ours) < len(self._others)
        if some and self._has_default and target.default not in wanted | settled.entries.keys():
            remove.add(target.default)
        missing = {entry for entry in fresh if entry not in self}
        ranks = plan.ranks(item for item in open_ if item.form in missing)
        add = sorted(missing, key=ranks.__getitem__)
        outcomes = plan.outcomes_of(open_, wanted, (wanted & self._others) - owned)
        return plan.written(self._urls, add, remove, target, outcomes, again=plan.is_again(open_, self))

    def wrote(self, planned: plan.UrlListPlan) -> None:
        """Take in that the list is as planned by now. What changed of its entries meanwhile is taken in later."""
        if planned.urls is None:
            return
        self._urls = planned.urls
        default = self._target.default
        self._has_default = default in planned.add or (self._has_default and default not in planned.remove)
        self._put(url for url in planned.add if url != default)
        for url in planned.remove & self._others:
            self._take_out(url)

    def _absorb(self) -> bool:
        """Returns False when something is taken for settled that is not in the list."""
        for entry, settled in self.settled.absorb().items():
            if entry == self._target.default:
                if not self._has_default:
                    return False
            elif not settled:
                self._put([entry])
            elif entry in self._others:
                self._take_out(entry)
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


class KeptHashList:
    """How the entries of a file-hash list stand. What is in the list cannot be known, and is not needed."""

    def __init__(self, settled: Settled, target: FileHashList) -> None:
        self.settled = settled
        self._target = target

    @classmethod
    def of(cls, items: Iterable[Item], target: FileHashList, changes: Changes) -> Self | None:
        """How it stands now; None where only all entries together tell what is next."""
        in_order = sorted(items, key=lambda item: item.remote_id or "")
        settled = Settled(in_order, target, plan.HASH_EXTRA, changes)
        return None if settled.is_full else cls(settled, target)

    def planned(self, target: FileHashList) -> HashListPlan | None:
        """The plan, as of what has changed until now; None where it must be made from all entries."""
        if target != self._target:
            return None
        self.settled.absorb()
        settled, open_ = self.settled, self.settled.open
        staying = {item.remote_id for item in open_ if item.stays and item.remote_id is not None}
        wanted = settled.wanted()
        fresh = wanted - settled.entries.keys()
        room = plan.room_of(target, plan.size_of_hashes(staying))
        if settled.size + plan.size_of_hashes(fresh) > room:
            return None
        # Few runs that are in order each: much faster to sort than a set of the same.
        hashes = sorted([*settled.entries, *sorted((wanted | staying) - settled.entries.keys())])
        return HashListPlan(tuple(hashes) or (target.default,), plan.outcomes_of(open_, wanted, ()))
