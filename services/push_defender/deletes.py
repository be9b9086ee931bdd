"""Deletes entries that are not desired any more, by the vendor's ids.

It is unknown whether a batch with an unknown id deletes anything, so after a 404 the tenant is listed.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from schemas.desired import AppliedState
from schemas.record import Reason
from services.push_defender.capacity import Capacity
from services.push_defender.client import BATCH, DefenderClient
from services.push_defender.plan import marked
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.halving import by_halves
from services.runtime.reconciling.pusher import FOREVER
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.defender import BATCH_DELETE, DELETE
from services.runtime.vendors.errors import NotFoundError

_OF_SINGLE_ROWS: Final = frozenset({400, 403, 404})
"""400: an id that the vendor cannot read; 403: a row of device groups hidden from us, or a read-only row."""


class _Deletion(NamedTuple):
    row_id: str
    entry: Entry


class Deletes:
    """Withdrawals of one connection."""

    def __init__(self, writer: StatusWriter, client: DefenderClient, capacity: Capacity, owner: str) -> None:
        self._writer = writer
        self._client = client
        self._capacity = capacity
        self._owner = owner

    def reconcile_once(self) -> float:
        """Withdraw one batch. See `Pusher.reconcile_once`."""
        entries = list(islice(self._writer.store.by_sync_state[SyncState.WITHDRAW], BATCH))
        if not entries:
            return FOREVER
        wait = self._client.seconds_until_free(DELETE if len(entries) == 1 else BATCH_DELETE)
        if wait > 0:
            return wait
        deletions = [_Deletion(entry.remote_id, entry) for entry in entries if entry.remote_id is not None]
        deletions += self._found([entry for entry in entries if entry.remote_id is None])
        self._delete_all(deletions)
        return 0.0

    def _delete_all(self, deletions: Sequence[_Deletion]) -> None:
        for part in by_halves(deletions, self._delete, _OF_SINGLE_ROWS) if deletions else ():
            reason = Reason(code="not_deleted", detail=part.error.text)
            self._writer.record([Outcome(entry, AppliedState.FAILED, row_id, reason) for row_id, entry in part.members])

    def _found(self, unsure: Sequence[Entry]) -> list[_Deletion]:
        """The rows of entries whose id is unknown. Entries without a row are recorded as gone."""
        if not unsure:
            return []
        rows = self._client.listing()
        found = {entry: marked(rows, self._owner, entry) for entry in unsure}
        self._writer.record([Outcome(entry, None) for entry, ids in found.items() if not ids])
        # Delete surplus rows first: the entry is recorded by its last row.
        spare = [row_id for ids in found.values() for row_id in ids[1:]]
        for row_id in spare:
            self._client.delete(row_id)
        return [_Deletion(ids[0], entry) for entry, ids in found.items() if ids]

    def _delete(self, deletions: Sequence[_Deletion]) -> None:
        if len(deletions) == 1:
            self._client.delete(deletions[0].row_id)
            self._gone(deletions)
            return
        try:
            self._client.delete_many([deletion.row_id for deletion in deletions])
        except NotFoundError:
            there = {row.id for row in self._client.listing()}
            missing = [deletion for deletion in deletions if deletion.row_id not in there]
            self._gone(missing)
            left = [deletion for deletion in deletions if deletion.row_id in there]
            if not missing:
                raise  # some row is hidden from us; halving finds it
            self._delete_all(left)
        else:
            self._gone(deletions)

    def _gone(self, deletions: Sequence[_Deletion]) -> None:
        self._writer.record([Outcome(deletion.entry, None) for deletion in deletions])
        self._capacity.freed(len(deletions))
