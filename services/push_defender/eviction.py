"""Deletes rows to make room for entries that are held because the tenant is full, where their targets allow it.

Invariant: a row is deleted only for an entry that may replace it, and every deletion is reported by name. If nothing
may be deleted, the tenant is not listed again until an entry of better rank is held.
"""

from collections.abc import Callable, Sequence
from typing import Final

from schemas.activity import ActivityItem
from schemas.desired import AppliedState
from schemas.level import Level
from schemas.record import Reason
from services.push_defender.capacity import Capacity
from services.push_defender.client import BATCH, DefenderClient
from services.push_defender.eviction_plan import Victim, asking, victims
from services.runtime.reconciling.entry import Outcome, Rank, SyncState
from services.runtime.reconciling.halving import RefusedPart, by_halves
from services.runtime.reconciling.pusher import FOREVER
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.defender import BATCH_DELETE, LIST
from services.runtime.vendors.errors import NotFoundError

_OF_SINGLE_ROWS: Final = frozenset({400, 403, 404})

EVICTED: Final = Reason(code="evicted", detail="deleted to make room for one of better rank; the tenant is full")


class Eviction:
    """Evictions of one connection."""

    def __init__(
        self,
        writer: StatusWriter,
        client: DefenderClient,
        capacity: Capacity,
        again_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._client = client
        self._capacity = capacity
        self._again_s = again_s
        self._clock = clock
        self._spare: set[str] = set()
        self._in_vain: Rank | None = None
        self._again_at = 0.0

    def reconcile_once(self) -> float:
        """Make room for one batch. See `Pusher.reconcile_once`."""
        held = self._writer.store.by_sync_state[SyncState.HELD]
        newcomers = asking(held) if held and self._capacity.is_full() else []
        if not newcomers:
            return FOREVER
        patience = self._again_at - self._clock()
        if self._in_vain is not None and newcomers[0].rank >= self._in_vain and patience > 0:
            return patience
        wait = max(map(self._client.seconds_until_free, (LIST, BATCH_DELETE)))
        if wait > 0:
            return wait
        found = victims(newcomers, self._writer.store, self._client.listing(), self._spare, BATCH)
        if not found:
            self._in_vain, self._again_at = newcomers[0].rank, self._clock() + self._again_s
            return self._again_s
        self._in_vain = None
        for part in by_halves(found, self._delete, _OF_SINGLE_ROWS):
            self._spare_rows(part)
        return 0.0

    def _delete(self, found: Sequence[Victim]) -> None:
        if len(found) == 1:
            self._client.delete(found[0].row.id)
        else:
            try:
                self._client.delete_many([victim.row.id for victim in found])
            except NotFoundError:
                there = {row.id for row in self._client.listing()}
                left = [victim for victim in found if victim.row.id in there]
                self._gone([victim for victim in found if victim.row.id not in there])
                if len(left) == len(found):
                    raise  # some row is hidden from us; halving finds it
                if left:
                    self._delete(left)
                return
        self._gone(found)

    def _gone(self, found: Sequence[Victim]) -> None:
        self._writer.record(
            [Outcome(entry, AppliedState.HELD, None, EVICTED) for _, entry in found if entry is not None]
        )
        self._capacity.freed(len(found))
        foreign_rows = [victim.row for victim in found if victim.entry is None]
        if foreign_rows:
            entries = [
                ActivityItem(subject=row.indicator_value, reason="evicted", detail=row.action) for row in foreign_rows
            ]
            text = f"{len(entries)} indicators of other people were deleted to make room, as the sharing allows"
            remedy = "to prevent this, set allowDeletion to owned or no in the sharing's target"
            name = self._writer.connection.name
            self._writer.activity.tell(Level.WARNING, "evicted", text, connection=name, remedy=remedy, items=entries)

    def _spare_rows(self, part: RefusedPart[Victim]) -> None:
        self._spare |= {victim.row.id for victim in part.members}
        entries = [
            ActivityItem(subject=victim.row.indicator_value, reason="not_deleted", detail=part.error.text)
            for victim in part.members
        ]
        text = f"{len(entries)} indicators could not be deleted to make room; others are tried"
        name = self._writer.connection.name
        self._writer.activity.tell(Level.WARNING, "not_evicted", text, connection=name, items=entries)
