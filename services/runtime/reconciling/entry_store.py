"""The entry store: all entries of a destination by sync state.

Invariant: `sync_state_of` alone decides the sync state of an entry, and each entry has exactly one, so nothing is
forgotten and nothing done twice. Pure: no clock, no I/O. Used by one thread. About 550 bytes an entry (measured by
tests/unit/test_standing.py).
"""

import heapq
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from schemas.desired import RELEASED, Applied, AppliedState, Desired, split_key
from schemas.targets import Target
from services.runtime.reconciling.entry import (
    UNCERTAIN,
    UNCONFIRMED,
    Entry,
    GuardedChanges,
    Outcome,
    SyncState,
    sync_state_of,
)

Changes = dict[Entry, str | None]
"""Changed entries, each with its previous remote id."""


@dataclass(slots=True)
class Tally:
    """Counts of one target: entries `there` except confirmed withdrawals, and unconfirmed withdrawals and additions."""

    there: int = 0
    leaving: int = 0
    coming: int = 0


class EntryStore:
    """All entries of one destination. Keeps comments and tags only for targets that send them."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        """The latest target by id. An entry has its own in `Entry.target`."""
        self.entries: dict[str, dict[str, Entry]] = {}
        self.by_sync_state: dict[SyncState, dict[Entry, None]] = {
            sync_state: {} for sync_state in SyncState if sync_state is not SyncState.SETTLED
        }
        self.states: Counter[str] = Counter()
        """Number of entries by state, and of those `desired`."""
        self.tallies: dict[str, Tally] = {}
        self._distinct: dict[Target, Target] = {}
        self._kept: dict[str, GuardedChanges] = {}
        self._alarms: list[tuple[float, int, Entry]] = []
        self._serial = count()
        self._watched: dict[str, Changes] = {}
        self._unusable: dict[str, Entry] = {}
        """Entries by key that no unit of work gets until their records change."""

    def __iter__(self) -> Iterator[Entry]:
        for entries in self.entries.values():
            yield from entries.values()

    @property
    def pending(self) -> int:
        """Number of entries with work left to do."""
        return sum(
            len(self.by_sync_state[sync_state]) for sync_state in (SyncState.PUT, SyncState.WITHDRAW, SyncState.WAITING)
        )

    def watch(self, target_id: str) -> Changes:
        """Collect the changed entries of a target from now on, in the returned mapping. Its reader clears it."""
        self._watched[target_id] = changes = Changes()
        return changes

    def unwatch(self, target_id: str) -> None:
        """Stop collecting the changed entries of a target."""
        self._watched.pop(target_id, None)

    def desire(self, key: str, desired: Desired | None) -> None:
        """Apply the latest desired record of a key; None is a tombstone."""
        entry = self._find(key, create=desired is not None)
        if entry is None:
            return
        self._lift(entry)
        if desired is None or desired.content != entry.wanted or _is_later(desired.resend_at, entry.resend_at):
            entry.attempts, entry.retry_at, entry.form = 0, 0.0, None
        if desired is None:
            entry.wanted = None
        elif desired.released:
            entry.wanted, entry.released = None, True
        else:
            # A released entry is ours again only once it is written.
            entry.wanted, entry.released = sys.intern(desired.content), entry.because == RELEASED.code
            if _is_later(desired.resend_at, entry.resend_at):
                entry.resend_at = desired.resend_at
            entry.severity, entry.expires_at = desired.severity, desired.expires_at
            entry.reported_at, entry.reputation = desired.reported_at, desired.reputation
            if desired.target.sends_metadata:
                entry.comments, entry.tags = sys.intern(desired.comments), desired.tags
            entry.target = self._learn(entry.target_id, desired.target)
        self._put_down(entry)

    def know(self, key: str, applied: Applied | None) -> None:
        """Apply the latest applied record of a key. Call it before `desire`."""
        entry = self._find(key, create=applied is not None)
        if entry is None:
            return
        self._lift(entry)
        if applied is None:
            entry.state, entry.remote_id, entry.reason, entry.content, entry.uncertain = None, None, None, "", False
            entry.at, entry.since, entry.confirmed = 0, None, None
        else:
            entry.state, entry.remote_id, entry.reason = applied.state, applied.remote_id, applied.reason
            entry.content, entry.reported_at = sys.intern(applied.content), applied.reported_at
            entry.uncertain = applied.reason is not None and applied.reason.code in UNCERTAIN
            entry.attempts = applied.attempts
            entry.at, entry.since, entry.confirmed = applied.at, applied.since, applied.confirmed
            entry.released = applied.reason is not None and applied.reason.code == RELEASED.code
            entry.target = self._learn(entry.target_id, applied.target)
        self._put_down(entry)

    def record(self, outcome: Outcome, at: int) -> Applied | None:
        """Return the applied record of an outcome; None is a tombstone."""
        entry, state = outcome.entry, outcome.state
        if state is None:
            return None
        at = max(at, entry.resend_at or 0)
        sent = outcome.reason is not None and outcome.reason.code == UNCONFIRMED
        return Applied(
            state=state,
            target=entry.target or self.targets[entry.target_id],
            type=entry.type,
            value=entry.value,
            content="" if sent else _latest_content(entry),
            remote_id=outcome.remote_id,
            reason=outcome.reason,
            reported_at=entry.reported_at,
            at=at,
            attempts=entry.attempts + 1,
            since=outcome.since(at),
            confirmed=outcome.confirmed,
        )

    def settle(self, outcome: Outcome, retry_at: float = 0.0, at: int = 0) -> None:
        """Apply an outcome of time `at`. A failed entry is tried again at `retry_at`."""
        entry = outcome.entry
        at = max(at, entry.resend_at or 0)  # the clock of the process that requested another write may be ahead
        self._lift(entry)
        entry.since, entry.confirmed, entry.at = outcome.since(at), outcome.confirmed, at
        entry.content = "" if outcome.state is None else _latest_content(entry)
        entry.state, entry.remote_id, entry.reason = outcome.state, outcome.remote_id, outcome.reason
        entry.uncertain = outcome.reason is not None and outcome.reason.code in UNCERTAIN
        failed = outcome.state is AppliedState.FAILED
        entry.attempts = entry.attempts + 1 if failed else 0
        entry.retry_at = retry_at if failed else 0.0
        entry.released = entry.released and entry.wanted is None
        self._put_down(entry)

    def sent(self, entry: Entry, remote_id: str | None, at: int = 0) -> None:
        """Note that an entry is about to be written: it may be at the vendor from now on."""
        self._lift(entry)
        entry.since = entry.since if entry.present else at
        entry.released = False
        entry.uncertain = True
        entry.remote_id = remote_id
        self._put_down(entry)

    def missing(self, entry: Entry, left: str | None = None) -> None:
        """Note that an entry is gone at the vendor and must be written again. `left`: remote id of what remains."""
        self._lift(entry)
        entry.remote_id, entry.content, entry.uncertain = left, "", False
        self._put_down(entry)

    def take_out(self, entry: Entry) -> None:
        """Hide an entry from units of work until there is a new record of it."""
        self._lift(entry)
        del self.entries[entry.target_id][entry.indicator_id]
        self._unusable[entry.key] = entry
        self.states[AppliedState.REJECTED] += 1

    def keep(self, target_id: str, kept: GuardedChanges) -> None:
        """Hold these changes at a target, including those of later entries, and no others."""
        if self._kept.get(target_id, GuardedChanges.NOTHING) is kept:
            return
        self._kept[target_id] = kept
        for entry in list(self.entries.get(target_id, {}).values()):
            self._lift(entry)
            self._put_down(entry)

    def confirm(self, entry: Entry) -> None:
        """Let the present change of an entry pass the guard."""
        self._lift(entry)
        entry.confirmed = entry.wanted or ""
        self._put_down(entry)

    def wake(self, now: float) -> float:
        """Make failed entries that are due pending again. Returns when the next one is due (inf: none waits)."""
        while self._alarms:
            at, _, entry = self._alarms[0]
            current = entry.sync_state is SyncState.WAITING and entry.retry_at == at
            if current and at > now:
                return at
            heapq.heappop(self._alarms)
            if current:
                self._lift(entry)
                entry.retry_at = 0.0
                self._put_down(entry)
        return float("inf")

    def _find(self, key: str, *, create: bool) -> Entry | None:
        target_id, indicator_id = split_key(key)
        entries = self.entries.get(target_id)
        entry = entries.get(indicator_id) if entries else None
        if entry is None and (entry := self._unusable.pop(key, None)):
            self.states[AppliedState.REJECTED] -= 1
            self.entries.setdefault(entry.target_id, {})[indicator_id] = entry
        if entry is None and create:
            target_id = sys.intern(target_id)
            entry = Entry(target_id, indicator_id)
            self.entries.setdefault(target_id, {})[indicator_id] = entry
        return entry

    def _learn(self, target_id: str, target: Target) -> Target:
        """Return the shared copy of a target, and make it the latest of its id."""
        latest = self.targets.get(target_id)
        if latest == target:
            return latest
        self.targets[target_id] = found = self._distinct.setdefault(target, target)
        return found

    def _lift(self, entry: Entry) -> None:
        changes = self._watched.get(entry.target_id)
        if changes is not None:
            changes.setdefault(entry, entry.remote_id)
        if entry.sync_state is None:
            return
        if entry.sync_state is not SyncState.SETTLED:
            del self.by_sync_state[entry.sync_state][entry]
        self._count(entry, -1)
        entry.sync_state = None

    def _put_down(self, entry: Entry) -> None:
        sync_state = sync_state_of(entry, self._kept.get(entry.target_id, GuardedChanges.NOTHING))
        if sync_state is None:
            del self.entries[entry.target_id][entry.indicator_id]
            return
        entry.sync_state = sync_state
        if sync_state is not SyncState.SETTLED:
            self.by_sync_state[sync_state][entry] = None
        if sync_state is SyncState.WAITING:
            heapq.heappush(self._alarms, (entry.retry_at, next(self._serial), entry))
        self._count(entry, 1)

    def _count(self, entry: Entry, step: int) -> None:
        if entry.wanted is not None:
            self.states["desired"] += step
        if entry.state is not None:
            self.states[entry.state] += step
        tally = self.tallies.get(entry.target_id)
        if tally is None:
            tally = self.tallies[entry.target_id] = Tally()
        if entry.leaving:
            if not entry.let_through:
                tally.leaving += step
                tally.there += step
        elif entry.present:
            if not entry.released:
                tally.there += step
        elif entry.sync_state in _COMING and entry.new and not entry.let_through:
            tally.coming += step


_COMING = frozenset({SyncState.PUT, SyncState.GUARDED, SyncState.WAITING})


def _latest_content(entry: Entry) -> str:
    return entry.content if entry.wanted is None else entry.wanted


def _is_later(requested: int | None, before: int | None) -> bool:
    return requested is not None and requested > (before or 0)
