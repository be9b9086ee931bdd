"""Reconciles the URL lists of each target: a single list directly, several lists one after the other.

Invariant: an entry is added to a list only after its removal from its former list is recorded. Lists that the target
no longer names are emptied first. Several lists are always planned from all entries.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas.vendors.netskope import UrlList
from services.push_netskope.client import UrlList as UrlListThere
from services.push_netskope.render import give_form
from services.push_netskope.sizes import show_size
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.allocation import allocate
from services.push_netskope.url_lists.outcomes import LIST_FULL, is_full
from services.push_netskope.url_lists.partition import ListPart, is_spread, parts_of
from services.push_netskope.url_lists.ranking import owned_by, wanted_by
from services.push_netskope.url_lists.service import UrlLists
from services.push_netskope.url_lists.tenant_limits import TenantLimits
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.errors import RefusedError

_ROUNDS: Final = 5
"""Rounds in one call. An entry that left one list may displace worse entries of another list in the next round."""


class OverflowLists:
    """The URL lists of one connection, by target."""

    def __init__(self, writer: StatusWriter, lists: UrlLists, limits: TenantLimits) -> None:
        self._writer = writer
        self._lists = lists
        self._limits = limits
        self._single: dict[str, UrlList] = {}
        """Targets by id that have no entries in overflow lists, as checked when the target last changed."""

    def converge(self, target: UrlList, *, changed: bool) -> bool:
        """Reconcile the lists of a target. Returns and raises as `UrlLists.converge` does."""
        self._limits.refresh()
        if self._single.get(target.id) != target:
            entries = self._writer.store.entries[target.id].values()
            if is_spread(target, entries):
                self._single.pop(target.id, None)
                return self._converge(target)
            self._single[target.id] = target
        try:
            return self._lists.converge(target, changed=changed)
        finally:
            self._limits.release(target)

    def _converge(self, target: UrlList) -> bool:
        self._lists.forget(target)
        named, left = parts_of(target, self._entries(target))
        refusals: list[RefusedError] = []
        try:
            for entry in self._entries(target):
                if any(part.has(entry) for part in left):
                    entry.form = LIST_FULL
            done = self._each(left, refusals)
            for _ in range(_ROUNDS):
                again = self._spill(target, named)
                done = self._each(named, refusals) and done
                if not (again and done):
                    break
        finally:
            for entry in self._entries(target):
                if is_full(entry.form) or entry.remote_id is None:
                    entry.form = None
        show_size(self._writer.connection.name, target, sum(self._lists.sizes[part.name] for part in named))
        if refusals:
            raise refusals[0]
        return done

    def _entries(self, target: UrlList) -> Sequence[Entry]:
        target_id = target.owner if isinstance(target, ListPart) else target.id
        return list(self._writer.store.entries.get(target_id, {}).values())

    def _spill(self, target: UrlList, parts: Sequence[ListPart]) -> bool:
        there = {part.name: self._lists.read(part) for part in parts}
        for part in parts:
            now = there[part.name]
            self._lists.sizes[part.name] = plan.size_in(part, now.urls) if now else 0
        entries = self._entries(target)
        for entry in entries:
            if is_full(entry.form):
                entry.form = None
            give_form(entry, target)
        again = allocate(entries, parts, there)
        self._limit(target, entries, [(part, there[part.name]) for part in parts])
        return again

    def _limit(
        self, target: UrlList, entries: Sequence[Entry], lists: Sequence[tuple[ListPart, UrlListThere | None]]
    ) -> None:
        """Hold the entries that the tenant has no room for, over all lists of the target."""
        owned = owned_by(entries)
        found = [(part, url) for part, there in lists if there and there.type == part.match for url in there.urls]
        ours = sum(url in owned or url == part.default for part, url in found)
        free = {url for part, url in found if url not in owned and url != part.default}
        self._limits.limit(target, entries, wanted_by(entries), free, ours)

    def _each(self, parts: Iterable[ListPart], refusals: list[RefusedError]) -> bool:
        """Reconcile each of these lists. A refusal of one is added to `refusals` and does not stop the others."""
        done = True
        for part in parts:
            if any(part.has(entry) for entry in self._entries(part)):
                try:
                    done = self._lists.converge(part, changed=False) and done
                except RefusedError as error:
                    refusals.append(error)
                    done = False
        return done
