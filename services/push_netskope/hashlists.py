"""Replaces one file-hash list by what it should hold. The API can do nothing else, and tells nothing of what is there.

Invariant: the list holds what is desired, or its default hash; nothing is written while nothing of ours is to change.
"""

from collections.abc import Collection
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import FileHashList
from services.push_netskope import plan
from services.push_netskope.client import HashListMissingError, HashListPendingError, NetskopeClient
from services.push_netskope.hashplan import HashListPlan, plan_hash_list
from services.push_netskope.kept import KeptHashList
from services.push_netskope.render import give_form
from services.push_netskope.sizes import show_size
from services.runtime.book import Book
from services.runtime.standing import Item, Outcome, Place

_PENDING: Final = "a change of the list waits in Netskope; apply or discard it there"


class HashLists:
    """The file-hash lists of one connection."""

    def __init__(self, book: Book, client: NetskopeClient) -> None:
        self._book = book
        self._client = client
        self._kept: dict[str, KeptHashList] = {}

    def converge(self, target: FileHashList) -> bool:
        """Write a list and record what that made of the entries. Returns whether it could be written.

        Raises:
            RefusedError: the vendor will not have it; nothing is lost.
            VendorError, StoppedError: as the client does.

        """
        known = self._kept.pop(target.id, None)
        planned = known.planned(target) if known else None
        if known and planned:
            items = list(known.settled.open)
        else:
            known = None
            self._book.standing.unwatch(target.id)
            items = self._all(target)
            planned = plan_hash_list(items, target)
        done = self._write(target, items, planned)
        if known is None:
            known = KeptHashList.of(self._all(target), target, self._book.standing.watch(target.id))
        if known:
            self._kept[target.id] = known
        else:
            self._book.standing.unwatch(target.id)
        return done

    def _all(self, target: FileHashList) -> list[Item]:
        items = list(self._book.standing.items[target.id].values())
        for item in items:
            give_form(item, target)
        return items

    def _write(self, target: FileHashList, items: Collection[Item], planned: HashListPlan) -> bool:
        if any(o.state is AppliedState.APPLIED or o.item.present for o in planned.outcomes):
            self._book.intend(plan.unwritten(items, frozenset(planned.hashes)))
            try:
                self._client.replace_hashes(target.name, planned.hashes)
            except HashListMissingError:
                detail = f"there is no file-hash list named {target.name}; make it in Netskope, or name another one"
                self._failed(items, Reason(code="list_missing", detail=detail), gone=True)
                return False
            except HashListPendingError:
                self._failed(items, Reason(code="pending_change", detail=_PENDING), gone=False)
                return False
            size = plan.size_of_hashes(planned.hashes)
            show_size(self._book.connection.name, target, size)
        self._book.record(planned.outcomes)
        return True

    def _failed(self, items: Collection[Item], reason: Reason, *, gone: bool) -> None:
        """`gone`: what is to be withdrawn is in no list, so it is done with."""
        unsettled = [item for item in items if item.place not in (Place.SETTLED, Place.GUARDED)]
        self._book.record(
            [
                Outcome(item, None)
                if gone and item.wanted is None
                else Outcome(item, AppliedState.FAILED, item.remote_id, reason)
                for item in unsettled
            ]
        )
