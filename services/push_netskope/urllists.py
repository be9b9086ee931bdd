"""Brings one URL list, or one part of several, to what it should hold: read, plan, note, write once, deploy, record.

Invariant: a list is read right before it is written, so that entries of other people stay; two writers at the same
moment are a race the vendor gives no means against. Nothing is recorded as applied before it is deployed, and nothing
is written while a deploy has to wait for other people (`services/push_netskope/deploying.py`).
"""

import re
from collections.abc import Collection, Sequence
from itertools import count
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import UrlList
from services.push_netskope import client as api
from services.push_netskope import plan
from services.push_netskope.deploying import Deploys, withheld
from services.push_netskope.drift import note_lost
from services.push_netskope.kept import KeptUrlList
from services.push_netskope.parts import Part, members, said, said_of, told
from services.push_netskope.sizes import show_size
from services.runtime.book import Book
from services.runtime.halving import in_halves
from services.runtime.standing import Item, Outcome, Place
from services.runtime.vendors.errors import NotFoundError, RefusedError

_ROUNDS: Final = 20
_CHANGED: Final = (Place.PUT, Place.WITHDRAW)
_OF_ENTRIES: Final = frozenset({400, 422})
_OF_SIZE: Final = re.compile(r"exceed|too large|too long|size", re.IGNORECASE)


class UrlLists:
    """The URL lists of one connection."""

    def __init__(self, book: Book, client: api.NetskopeClient, *, repairs: bool, along: bool) -> None:
        self._book = book
        self._repairs = repairs
        self._client = client
        self._deploys = Deploys(book, client, along=along)
        self._ids: dict[str, int] = {}
        self._kept: dict[str, KeptUrlList] = {}
        self.sizes: dict[str, int] = {}
        """Bytes of the parts, by name, as they were last read or written."""

    def converge(self, target: UrlList, *, changed: bool) -> bool:
        """Bring a list to what it should hold, and record what that made of the entries.

        Returns False when that waits for other people: then it is to be looked at again before long.

        `changed`: it is looked at because of its entries; otherwise all is planned afresh.

        Raises:
            RefusedError: the vendor will not have it; nothing is lost.
            VendorError, StoppedError: as the client does.

        """
        wrote, waits = False, None
        if not changed:
            self.forget(target)
        for round_ in count(1):
            there = self.read(target)
            self._deploys.look(target, there)
            known = self._known(target, there)
            items = known.settled.open if known else members(self._book.standing, target)
            present = known or frozenset(there.urls if there else ())
            lost = not self._deploys.is_theirs(target) and note_lost(self._book, items, present, repairs=self._repairs)
            if lost and not self._repairs and not self._has_changes(target):
                return True
            quick = known.planned() if known else None
            if quick is None:
                self.forget(target)
                items = members(self._book.standing, target)
            planned = quick or self._plan(target, items, there)
            if planned.urls is None or (waits := None if wrote else self._deploys.waits_for()):
                break
            self._book.intend(plan.notes(items, planned))
            wrote = True
            if self._sent(target, there, planned, last=round_ == _ROUNDS):
                break
        if wrote or (there and there.pending and planned.outcomes):
            waits = waits or self._deploys.deploy()
        if waits:
            so, held = withheld(planned.outcomes, there, waits, ours=self._deploys.is_ours(target))
            self._book.record(so)
            self._book.remark(held)
            self.forget(target)
            return False
        self._book.record(planned.outcomes)
        self._keep(target, there, planned)
        return True

    def _has_changes(self, target: UrlList) -> bool:
        if isinstance(target, Part):
            return any(item.place in _CHANGED for item in members(self._book.standing, target))
        places = self._book.standing.places
        return any(item.target_id == target.id for place in _CHANGED for item in places[place])

    def _known(self, target: UrlList, there: api.UrlList | None) -> KeptUrlList | None:
        """What is known of the list already, if nobody else changed it."""
        known = self._kept.get(target.id)
        if known and not known.follows(target, there):
            self.forget(target)
            return None
        return known

    def _keep(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan) -> None:
        """Remember the list as it is now for the next plan, and show how large it is."""
        urls = planned.urls if planned.urls is not None else there.urls if there else ()
        if isinstance(target, Part):
            self.sizes[target.name] = plan.size_in(target, urls)
            return
        known = self._kept.get(target.id)
        if known:
            known.wrote(planned)
        elif urls and (there is None or there.type == target.match):
            changes = self._book.standing.watch(target.id)
            known = KeptUrlList.of(members(self._book.standing, target), target, urls, changes)
            if known:
                self._kept[target.id] = known
            else:
                self.forget(target)
        show_size(self._book.connection.name, target, known.size if known else plan.size_of_urls(urls))

    def forget(self, target: UrlList) -> None:
        """Plan from all entries next."""
        self._kept.pop(target.id, None)
        self._book.standing.unwatch(target.id)

    def read(self, target: UrlList) -> api.UrlList | None:
        """The list of its name; its id is remembered, and looked up again when it is another's by now.

        Raises:
            VendorError, StoppedError: as the client does.

        """
        name = target.name
        if name in self._ids:
            there = self._client.url_list(self._ids[name])
            if there and there.name == name:
                return said(there, target)
        found = self._client.find_url_list(name)
        if found is None:
            return None
        self._ids[name] = found
        return said(self._client.url_list(found), target)

    def _plan(self, target: UrlList, items: Collection[Item], there: api.UrlList | None) -> plan.UrlListPlan:
        if there and there.type != target.match:
            return plan.plan_other_type(items, target, there)
        return plan.plan_url_list(items, target, there)

    def _sent(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan, *, last: bool) -> bool:
        """Write a list. Returns False when entries of it were singled out, and it is to be planned again."""
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
            self._client.create_url_list(target.name, told(planned.urls, target), target.match)
        elif planned.remove or planned.again:
            self._client.replace(there.id, told(planned.urls, target), there.type)
        else:
            self._client.append(there.id, told(planned.add, target), there.type)

    def _single_out(
        self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan, error: RefusedError
    ) -> None:
        """Reject the entries that a refusal is about. Where it does not say which, add them by halves to find out.

        Raises:
            RefusedError: it is about something else.

        """
        label = target.label if isinstance(target, Part) else ""
        reasons = {said_of(entry, label): why for entry, why in api.refused_entries(error).items()}
        if self._reject(target, there, reasons):
            return
        if error.status not in _OF_ENTRIES or _OF_SIZE.search(error.message) or not planned.add or there is None:
            raise error
        if planned.remove:
            left = [url for url in there.urls if url not in planned.remove]
            self._client.replace(there.id, told(left or [target.default], target), there.type)

        def alone(entry: str, refusal: RefusedError) -> None:
            self._reject(target, there, {entry: refusal.message or refusal.text})

        def untried(_: Sequence[str], refusal: RefusedError) -> None:
            raise refusal

        in_halves(
            planned.add,
            lambda some: self._client.append(there.id, told(some, target), there.type),
            alone,
            untried,
            _OF_ENTRIES,
        )

    def _reject(self, target: UrlList, there: api.UrlList | None, reasons: dict[str, str]) -> bool:
        """What is there already stays ours, so that the next plan takes it out: no write passes with it."""
        items = members(self._book.standing, target) if reasons else []
        behind = [(item, entry) for item in items if (entry := plan.entry_of(item)) is not None and entry in reasons]
        present = frozenset(there.urls) if there else frozenset()

        def rejected(item: Item, entry: str) -> Outcome:
            remote_id = item.remote_id if item.remote_id in present else None
            reason = Reason(code="vendor_rejected", detail=reasons[entry])
            return Outcome(item, AppliedState.REJECTED, remote_id, reason)

        self._book.record([rejected(item, entry) for item, entry in behind])
        return bool(behind)
