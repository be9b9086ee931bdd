"""Compares the whole tenant with the applied state at intervals, and repairs differences.

Entries of ours that others deleted are written again; orphans (rows with our mark that no entry knows) are deleted. Too
many orphans at once mean that our records were lost: then nothing is deleted, and a person must act. In mode `report`
differences are only reported.
"""

from collections.abc import Callable, Mapping
from typing import Final

from schemas.activity import ActivityItem
from schemas.connections import Reconcile
from schemas.level import Level
from services.push_defender import plan
from services.push_defender.client import BATCH, DefenderClient
from services.runtime.chunks import chunks
from services.runtime.observability.metrics import DRIFT
from services.runtime.reconciling.entry import SyncState
from services.runtime.reconciling.pusher import FOREVER
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.errors import NotFoundError

_STRAY_MOST: Final = 20
_STRAY_SHARE: Final = 0.1


class DriftCheck:
    """Drift checks of one connection."""

    def __init__(
        self, writer: StatusWriter, client: DefenderClient, owner: str, how: Reconcile, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._client = client
        self._owner = owner
        self._every_s = how.interval.total_seconds()
        self._repairs = how.mode == "repair"
        self._clock = clock
        self._due = clock()

    def hurry(self) -> None:
        """Make the check due now."""
        self._due = self._clock()

    def reconcile_once(self) -> float:
        """Compare if the check is due and there is no other work. See `Pusher.reconcile_once`."""
        store = self._writer.store
        if (wait := self._due - self._clock()) > 0:
            return wait
        if store.by_sync_state[SyncState.PUT] or store.by_sync_state[SyncState.WITHDRAW]:
            return FOREVER  # these come first, and another unit follows them
        entries = list(store)
        rows = self._client.listing() if entries else []
        self._due = self._clock() + self._every_s
        if not entries:
            self._answer("there are no entries to compare", {})
            return self._every_s
        drift = plan.compare(entries, rows, self._owner)
        self._writer.record(drift.found)
        if self._repairs:
            for entry in drift.missing:
                store.missing(entry)
        self._tell_missing(drift)
        if drift.orphan:
            self._remove(drift.orphan, len(entries))
        counts = {"lost": len(drift.missing), "stray": len(drift.orphan)}
        text = f"compared {len(entries)} entries with {len(rows)} rows of the tenant"
        self._answer(f"{text}: {counts['lost']} lost, {counts['stray']} stray", counts)
        return 0.0

    def _answer(self, text: str, counts: Mapping[str, int]) -> None:
        if request := self._writer.asked:
            self._writer.answer(request, text, counts)

    def _tell_missing(self, drift: plan.Drift) -> None:
        if drift.missing:
            entries = [
                ActivityItem(subject=entry.indicator_id, reason="lost", detail=entry.target_id)
                for entry in drift.missing
            ]
            DRIFT.labels(self._writer.connection.name, "lost").inc(len(entries))
            what = "they are written again" if self._repairs else "they are not written again, as spec.reconcile says"
            text = f"{len(entries)} entries were deleted by others; {what}"
            self._writer.activity.tell(
                Level.WARNING, "drift", text, connection=self._writer.connection.name, items=entries
            )

    def _remove(self, orphan: list[str], known: int) -> None:
        name = self._writer.connection.name
        entries = [ActivityItem(subject=row_id, reason="stray") for row_id in orphan]
        if len(orphan) > max(_STRAY_MOST, known * _STRAY_SHARE):
            DRIFT.labels(name, "strays_kept").inc(len(orphan))
            text = f"{len(orphan)} indicators have the mark of this connection, but no entry knows them"
            remedy = (
                "if the topics were lost, delete those rows by hand or let them expire; the pusher does not delete them"
            )
            self._writer.activity.tell(Level.ERROR, "many_strays", text, connection=name, remedy=remedy, items=entries)
            return
        if not self._repairs:
            text = f"{len(orphan)} indicators of ours that no entry knows are left, as spec.reconcile says"
            self._writer.activity.tell(Level.WARNING, "strays", text, connection=name, items=entries)
            return
        for part in chunks(orphan, BATCH):
            try:
                self._client.delete_many(part)
            except NotFoundError:
                continue  # the next check finds what is left
        DRIFT.labels(name, "stray").inc(len(orphan))
        text = f"{len(orphan)} indicators of ours that no entry knows were deleted"
        self._writer.activity.tell(Level.WARNING, "strays", text, connection=name, items=entries)
