"""Reports and counts entries that others removed, and has them written again unless the mode is `report`."""

from collections.abc import Container, Iterable

from schemas.activity import ActivityItem
from schemas.level import Level
from services.push_netskope.list_entries import is_whole, left_of
from services.runtime.observability.metrics import DRIFT
from services.runtime.reconciling.entry import Entry, SyncState
from services.runtime.reconciling.status_writer import StatusWriter


def record_missing(writer: StatusWriter, entries: Iterable[Entry], present: Container[str], *, repairs: bool) -> bool:
    """Report applied entries that are not completely in `present`. Returns whether there are any."""
    missing = [
        entry
        for entry in entries
        if entry.sync_state is SyncState.SETTLED
        and entry.remote_id is not None
        and not is_whole(entry.remote_id, present)
    ]
    if not missing:
        return False
    if repairs:
        for entry in missing:
            writer.store.missing(entry, left_of(entry.remote_id, present))
    listed = [ActivityItem(subject=entry.indicator_id, reason="lost", detail=entry.target_id) for entry in missing]
    DRIFT.labels(writer.connection.name, "lost").inc(len(missing))
    what = "they are written again" if repairs else "they stay missing until the next write"
    text = f"{len(missing)} entries were removed by others; {what}"
    writer.activity.tell(Level.WARNING, "drift", text, connection=writer.connection.name, items=listed)
    return True
