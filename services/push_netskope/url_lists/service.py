"""Reconciles one URL list, or one part of several: read, plan, write ahead, write once, deploy, record.

Invariant: a list is read right before it is written, so that entries of other people stay; two writers at the same
moment are a race, because the vendor offers no lock. Nothing is recorded as applied before it is deployed, and nothing
is written while a deploy waits for other people (`services/push_netskope/url_lists/deploys.py`).
"""

import re
from collections.abc import Collection, Container, Mapping, Sequence
from itertools import count
from typing import Final
from urllib.parse import unquote

from schemas.vendors.netskope import NetskopeTenant, UrlList
from services.push_netskope import client as api
from services.push_netskope.list_entries import said_of
from services.push_netskope.missing import record_missing
from services.push_netskope.render import give_form
from services.push_netskope.sizes import show_size
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.deploys import Deploys, withheld
from services.push_netskope.url_lists.incremental_plan import IncrementalUrlListPlan
from services.push_netskope.url_lists.outcomes import rejections
from services.push_netskope.url_lists.partition import ListPart, from_vendor, members, to_vendor
from services.push_netskope.url_lists.tenant_limits import TenantLimits
from services.runtime.reconciling.entry import Entry, SyncState
from services.runtime.reconciling.halving import by_halves
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.echo import own_words
from services.runtime.vendors.errors import NotFoundError, RefusedError

_ROUNDS: Final = 20
_CHANGED: Final = (SyncState.PUT, SyncState.WITHDRAW)
_OF_ENTRIES: Final = frozenset({400, 422})
_OF_SIZE: Final = re.compile(r"exceed|too (large|long|many)|size|at most|limit|maximum", re.IGNORECASE)
_MOST_OF_ONE: Final = 2
"""Most list entries of one indicator."""


class UrlLists:
    """The URL lists of one connection."""

    def __init__(
        self, writer: StatusWriter, client: api.NetskopeClient, tenant: NetskopeTenant, limits: TenantLimits
    ) -> None:
        self._writer = writer
        self._limits = limits
        self._repairs = tenant.reconcile.mode == "repair"
        self._client = client
        self._deploys = Deploys(writer, client, tenant)
        self._ids: dict[str, int] = {}
        self._kept: dict[str, IncrementalUrlListPlan] = {}
        self.sizes: dict[str, int] = {}
        """Bytes of each part as last read or written, by name."""

    def converge(self, target: UrlList, *, changed: bool) -> bool:
        """Reconcile a list and record the outcome of its entries.

        Returns False when the change waits for other people: then call again soon.

        `changed`: entries changed, so an incremental plan may do; otherwise the plan is made from all entries.

        Raises:
            RefusedError: the vendor refused the change; nothing is lost.
            VendorError, StoppedError: as the client does.

        """
        wrote, waits = False, None
        if not changed:
            self.forget(target)
        for round_ in count(1):
            there = self.read(target)
            self._deploys.look(target, there)
            known = self._known(target, there)
            entries = known.index.open if known else members(self._writer.store, target)
            present = known or frozenset(there.urls if there else ())
            missing = not self._deploys.is_theirs(target) and record_missing(
                self._writer, entries, present, repairs=self._repairs
            )
            if missing and not self._repairs and not self._has_changes(target):
                return True
            quick = known.planned() if known else None
            if quick and not self._limits.leaves_room(target.match, _growth(quick, there)):
                quick = None
            if quick is None:
                self.forget(target)
                entries = members(self._writer.store, target)
            planned = quick or self._plan(target, entries, there)
            if planned.urls is None or (waits := None if wrote else self._deploys.waits_for()):
                break
            self._writer.write_ahead(plan.notes(entries, planned))
            wrote = True
            if self._sent(target, there, planned, last=round_ == _ROUNDS):
                break
        if wrote or (there and there.pending and planned.outcomes):
            waits = waits or self._deploys.deploy()
        if waits:
            done, held = withheld(planned.outcomes, there, waits, ours=self._deploys.is_ours(target))
            self._writer.record(done)
            self._writer.remark(held)
            self.forget(target)
            return False
        self._writer.record(planned.outcomes)
        self._keep(target, there, planned)
        return True

    def _has_changes(self, target: UrlList) -> bool:
        if isinstance(target, ListPart):
            return any(entry.sync_state in _CHANGED for entry in members(self._writer.store, target))
        by_sync_state = self._writer.store.by_sync_state
        return any(entry.target_id == target.id for sync_state in _CHANGED for entry in by_sync_state[sync_state])

    def _known(self, target: UrlList, there: api.UrlList | None) -> IncrementalUrlListPlan | None:
        """Return the incremental plan of a list, None if there is none or another writer changed the list."""
        known = self._kept.get(target.id)
        if known and not known.follows(target, there):
            self.forget(target)
            return None
        return known

    def _keep(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan) -> None:
        """Keep the list for the next plan, and set the metric of its size."""
        urls = planned.urls if planned.urls is not None else there.urls if there else ()
        if isinstance(target, ListPart):
            self.sizes[target.name] = plan.size_in(target, urls)
            return
        known = self._kept.get(target.id)
        if known:
            known.wrote(planned)
        elif urls and (there is None or there.type == target.match):
            changes = self._writer.store.watch(target.id)
            known = IncrementalUrlListPlan.of(members(self._writer.store, target), target, urls, changes)
            if known:
                self._kept[target.id] = known
            else:
                self.forget(target)
        show_size(self._writer.connection.name, target, known.size if known else plan.size_of_urls(urls))

    def forget(self, target: UrlList) -> None:
        """Discard the incremental plan: the next plan is made from all entries."""
        self._kept.pop(target.id, None)
        self._writer.store.unwatch(target.id)

    def read(self, target: UrlList) -> api.UrlList | None:
        """Read the list of a target by name, None if it does not exist. Its id is cached while the name matches.

        Raises:
            VendorError, StoppedError: as the client does.

        """
        name = target.name
        if name in self._ids:
            there = self._client.url_list(self._ids[name])
            if there and there.name == name:
                return self._noted(target, there)
        found = self._client.find_url_list(name)
        if found is None:
            return self._noted(target, None)
        self._ids[name] = found
        return self._noted(target, self._client.url_list(found))

    def _noted(self, target: UrlList, there: api.UrlList | None) -> api.UrlList | None:
        self._limits.note(target.name, api.ListSize(there.type, len(there.urls)) if there else None)
        return from_vendor(there, target)

    def _plan(self, target: UrlList, entries: Collection[Entry], there: api.UrlList | None) -> plan.UrlListPlan:
        if there and there.type != target.match:
            return plan.plan_other_type(entries, target, there)
        if not isinstance(target, ListPart):
            self._limit(target, entries, there)
        return plan.plan_url_list(entries, target, there)

    def _limit(self, target: UrlList, entries: Collection[Entry], there: api.UrlList | None) -> None:
        """Hold the entries that the tenant has no room for. For parts, `OverflowLists` does this for the target."""
        self._limits.release(target)
        if self._limits.leaves_room(target.match, _MOST_OF_ONE * len(entries)):
            return
        for entry in entries:
            give_form(entry, target)
        found = plan.fit(entries, target, there)
        self._limits.limit(target, entries, found.keep, found.foreign, found.ours(target))

    def _sent(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan, *, last: bool) -> bool:
        """Write a list. Returns False when refused entries were rejected and the list must be planned again."""
        self._deploys.writing(target, planned)
        try:
            self._write(target, there, planned)
        except NotFoundError:
            self._ids.pop(target.name, None)
            raise
        except RefusedError as error:
            if last:
                raise
            self._single_out(target, there, planned, error)
            return False
        return True

    def _write(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan) -> None:
        assert planned.urls is not None
        if there is None:
            self._client.create_url_list(target.name, to_vendor(planned.urls, target), target.match)
        elif planned.remove or planned.again:
            self._client.replace(there.id, to_vendor(planned.urls, target), there.type)
        else:
            self._client.append(there.id, to_vendor(planned.add, target), there.type)
        type_ = there.type if there else target.match
        self._limits.note(target.name, api.ListSize(type_, len(planned.urls)))

    def _single_out(
        self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan, error: RefusedError
    ) -> None:
        """Reject the entries that a refusal names. If it names none, add entries by halves to find them.

        Raises:
            RefusedError: the refusal does not concern entries.

        """
        label = target.label if isinstance(target, ListPart) else ""
        named = _as_sent(api.refused_entries(error), to_vendor(planned.urls or (), target))
        reasons = {said_of(list_entry, label): why for list_entry, why in named.items()}
        present = set(there.urls) if there else set[str]()
        if self._reject(target, present, reasons):
            return
        is_of_size = _OF_SIZE.search(own_words(error.message, [target.name], quoted=True))
        if is_of_size:
            self._limits.forget()
        if error.status not in _OF_ENTRIES or is_of_size or not planned.add:
            raise error
        if there is None:
            self._begin(target, planned, error)
            return
        if planned.remove:
            left = [url for url in there.urls if url not in planned.remove]
            self._client.replace(there.id, to_vendor(left or [target.default], target), there.type)
            present.intersection_update(left)

        def append(some: Sequence[str]) -> None:
            self._client.append(there.id, to_vendor(some, target), there.type)
            present.update(some)

        for part in by_halves(planned.add, append, _OF_ENTRIES):
            if not part.is_tried:
                raise part.error
            self._reject(target, present, dict.fromkeys(part.members, part.error.message or part.error.text))

    def _begin(self, target: UrlList, planned: plan.UrlListPlan, error: RefusedError) -> None:
        """Create a list with only its default, so that refused entries can be found by halves.

        Raises:
            RefusedError: `error`, if the list is refused without our entries too.

        """
        default = to_vendor([target.default], target)
        if tuple(planned.add) == tuple(default):
            raise error
        try:
            self._client.create_url_list(target.name, default, target.match)
        except RefusedError:
            raise error from None

    def _reject(self, target: UrlList, present: Container[str], reasons: dict[str, str]) -> bool:
        """Reject the indicators that have one of these entries. Returns whether any was rejected."""
        entries = members(self._writer.store, target) if reasons else []
        outcomes = rejections(entries, present, reasons)
        self._writer.record(outcomes)
        return bool(outcomes)


def _growth(planned: plan.UrlListPlan, there: api.UrlList | None) -> int:
    """Return the number of entries by which the plan enlarges a list."""
    return len(planned.urls) - len(there.urls if there else ()) if planned.urls is not None else 0


def _as_sent(named: Mapping[str, str], sent: Sequence[str]) -> dict[str, str]:
    """Return refused entries as sent, with their reasons: the vendor may change their case or encoding."""
    exact, found = set(sent) if named else set(), dict[str, str]()
    plain: dict[str, str] = {}
    for name, why in named.items():
        if name not in exact:
            plain = plain or {_plain(one): one for one in sent}
            name = plain.get(_plain(name), name)  # noqa: PLW2901  # the same entry as sent
        found[name] = why
    return found


def _plain(list_entry: str) -> str:
    return unquote(list_entry).strip().removeprefix("https://").removeprefix("http://").rstrip("/").casefold()
