"""Brings one URL list to what it should hold: read, plan, note, write once, deploy, record.

Invariant: a list is read right before it is written, so that entries of other people stay; two writers at the same
moment are a race the vendor gives no means against. Nothing is recorded before it is deployed. A deploy applies what
other people left waiting, too: there is no other.
"""

import re
from collections.abc import Collection, Sequence
from itertools import count
from typing import Final

from schemas.activity import ActivityItem, Level
from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import UrlList
from services.push_netskope import client as api
from services.push_netskope import plan
from services.push_netskope.sizes import show_size
from services.runtime.book import Book
from services.runtime.halving import in_halves
from services.runtime.metrics import DRIFT
from services.runtime.standing import Item, Outcome, Place
from services.runtime.vendors.errors import NotFoundError, RefusedError

_ROUNDS: Final = 20
_OF_ENTRIES: Final = frozenset({400, 422})
_OF_SIZE: Final = re.compile(r"exceed|too large|too long|size", re.IGNORECASE)


class UrlLists:
    """The URL lists of one connection."""

    def __init__(self, book: Book, client: api.NetskopeClient, *, repairs: bool) -> None:
        self._book = book
        self._repairs = repairs
        self._client = client
        self._ids: dict[str, int] = {}

    def converge(self, target: UrlList, items: Collection[Item]) -> None:
        """Bring a list to what it should hold, and record what that made of the entries.

        Raises:
            RefusedError: the vendor will not have it; nothing is lost.
            VendorError, StoppedError: as the client does.

        """
        wrote = False
        for round_ in count(1):
            there = self._read(target.name)
            if self._note_lost(items, there) and not self._repairs and not _changed(items):
                return
            planned = self._plan(target, items, there)
            if planned.urls is None:
                break
            self._book.intend(plan.unwritten(items, frozenset(planned.add)))
            wrote = True
            try:
                self._write(target, there, planned)
                break
            except NotFoundError:
                self._ids.pop(target.name, None)
                raise
            except RefusedError as error:
                if round_ == _ROUNDS:
                    raise
                self._single_out(items, there, planned, error, target.default)
        if wrote or (there and there.pending and planned.outcomes):
            self._client.deploy()
        urls = planned.urls if planned.urls is not None else there.urls if there else ()
        show_size(self._book.connection.name, target, plan.size_of_urls(urls))
        self._book.record(planned.outcomes)

    def _read(self, name: str) -> api.UrlList | None:
        """The list of this name; its id is remembered, and looked up again when it is another's by now."""
        if name in self._ids:
            there = self._client.url_list(self._ids[name])
            if there and there.name == name:
                return there
        found = self._client.find_url_list(name)
        if found is None:
            return None
        self._ids[name] = found
        return self._client.url_list(found)

    def _note_lost(self, items: Collection[Item], there: api.UrlList | None) -> bool:
        """Tell what others took out, if anything, and have it written again unless the connection says otherwise."""
        present = frozenset(there.urls) if there else frozenset()
        lost = [
            item
            for item in items
            if item.place is Place.SETTLED and item.remote_id is not None and item.remote_id not in present
        ]
        if self._repairs:
            for item in lost:
                self._book.standing.lost(item)
        if lost:
            told = [ActivityItem(subject=item.indicator_id, reason="lost", detail=item.target_id) for item in lost]
            DRIFT.labels(self._book.connection.name, "lost").inc(len(lost))
            what = "they are written again" if self._repairs else "they are left so until the list is written next"
            text = f"{len(lost)} had been taken out by someone else; {what}"
            self._book.activity.tell(Level.WARNING, "drift", text, connection=self._book.connection.name, items=told)
        return bool(lost)

    def _plan(self, target: UrlList, items: Collection[Item], there: api.UrlList | None) -> plan.UrlListPlan:
        if there and there.type != target.match:
            return plan.plan_other_type(items, target, there)
        return plan.plan_url_list(items, target, there)

    def _write(self, target: UrlList, there: api.UrlList | None, planned: plan.UrlListPlan) -> None:
        assert planned.urls is not None
        if there is None:
            self._client.create_url_list(target.name, planned.urls, target.match)
        elif planned.remove or planned.again:
            self._client.replace(there.id, planned.urls, there.type)
        else:
            self._client.append(there.id, planned.add, there.type)

    def _single_out(
        self,
        items: Collection[Item],
        there: api.UrlList | None,
        planned: plan.UrlListPlan,
        error: RefusedError,
        default: str,
    ) -> None:
        """Reject the entries that a refusal is about. Where it does not say which, add them by halves to find out.

        Raises:
            RefusedError: it is about something else.

        """
        reasons = api.refused_entries(error)
        if self._reject(items, there, reasons):
            return
        if error.status not in _OF_ENTRIES or _OF_SIZE.search(error.message) or not planned.add or there is None:
            raise error
        if planned.remove:
            left = [url for url in there.urls if url not in planned.remove]
            self._client.replace(there.id, left or [default], there.type)

        def alone(entry: str, refusal: RefusedError) -> None:
            self._reject(items, there, {entry: refusal.message or refusal.text})

        def untried(_: Sequence[str], refusal: RefusedError) -> None:
            raise refusal

        in_halves(
            planned.add,
            lambda part: self._client.append(there.id, part, there.type),
            alone,
            untried,
            _OF_ENTRIES,
        )

    def _reject(self, items: Collection[Item], there: api.UrlList | None, reasons: dict[str, str]) -> bool:
        """What is there already stays ours, so that the next plan takes it out: no write passes with it."""
        behind = [(item, entry) for item in items if (entry := plan.entry_of(item)) is not None and entry in reasons]
        present = frozenset(there.urls) if there else frozenset()

        def rejected(item: Item, entry: str) -> Outcome:
            remote_id = item.remote_id if item.remote_id in present else None
            reason = Reason(code="vendor_rejected", detail=reasons[entry])
            return Outcome(item, AppliedState.REJECTED, remote_id, reason)

        self._book.record([rejected(item, entry) for item, entry in behind])
        return bool(behind)


def _changed(items: Collection[Item]) -> bool:
    return any(item.place in (Place.PUT, Place.WITHDRAW) for item in items)
