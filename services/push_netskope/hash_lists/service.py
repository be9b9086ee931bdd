"""Replaces a file-hash list by its desired content. The API cannot read or change single entries.

Invariant: the list holds the desired hashes, or its default hash. It is written only if an entry of ours changes.
"""

from collections.abc import Collection
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.vendors.netskope import FileHashList
from services.push_netskope.client import HashListMissingError, HashListPendingError, NetskopeClient
from services.push_netskope.hash_lists.plan import HashListPlan, plan_hash_list
from services.push_netskope.render import give_form
from services.push_netskope.sizes import show_size
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.incremental_plan import IncrementalHashListPlan
from services.push_netskope.url_lists.outcomes import unwritten
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.status_writer import StatusWriter

_PENDING: Final = "a change of the list waits in Netskope; apply or discard it there"


class HashLists:
    """The file-hash lists of one connection."""

    def __init__(self, writer: StatusWriter, client: NetskopeClient) -> None:
        self._writer = writer
        self._client = client
        self._kept: dict[str, IncrementalHashListPlan] = {}

    def converge(self, target: FileHashList) -> bool:
        """Write a list and record the outcomes of its entries. Returns whether it could be written.

        Raises:
            RefusedError: the vendor refuses the write; nothing is lost.
            VendorError, StoppedError: raised by the client.

        """
        known = self._kept.pop(target.id, None)
        planned = known.planned(target) if known else None
        if known and planned:
            entries = list(known.index.open)
        else:
            known = None
            self._writer.store.unwatch(target.id)
            entries = self._all(target)
            planned = plan_hash_list(entries, target)
        done = self._write(target, entries, planned)
        if known is None:
            known = IncrementalHashListPlan.of(self._all(target), target, self._writer.store.watch(target.id))
        if known:
            self._kept[target.id] = known
        else:
            self._writer.store.unwatch(target.id)
        return done

    def _all(self, target: FileHashList) -> list[Entry]:
        entries = list(self._writer.store.entries[target.id].values())
        for entry in entries:
            give_form(entry, target)
        return entries

    def _write(self, target: FileHashList, entries: Collection[Entry], planned: HashListPlan) -> bool:
        if any(o.state is AppliedState.APPLIED or o.entry.present for o in planned.outcomes):
            self._writer.write_ahead(unwritten(entries, frozenset(planned.hashes)))
            try:
                self._client.replace_hashes(target.name, planned.hashes)
            except HashListMissingError:
                detail = f"there is no file-hash list named {target.name}; make it in Netskope, or name another one"
                self._failed(entries, Reason(code="list_missing", detail=detail), gone=True)
                return False
            except HashListPendingError:
                self._failed(entries, Reason(code="pending_change", detail=_PENDING), gone=False)
                return False
            size = plan.size_of_hashes(planned.hashes)
            show_size(self._writer.connection.name, target, size)
        self._writer.record(planned.outcomes)
        return True

    def _failed(self, entries: Collection[Entry], reason: Reason, *, gone: bool) -> None:
        """Record a failure for entries with pending work. `gone`: the list is missing, so withdrawals are done."""
        unsettled = [entry for entry in entries if entry.sync_state not in (SyncState.SETTLED, SyncState.GUARDED)]
        self._writer.record(
            [
                Outcome(entry, None)
                if gone and entry.wanted is None
                else Outcome(entry, AppliedState.FAILED, entry.remote_id, reason)
                for entry in unsettled
            ]
        )
