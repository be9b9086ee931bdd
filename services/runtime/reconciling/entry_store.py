"""How a destination stands: for every entry what is desired and what is known to be there, hence what is left to do.

Invariant: an entry is in exactly one place, decided by `sync_state_of` alone, so nothing is forgotten and nothing done
twice. Pure: no clock, no I/O; used by one thread. About 550 bytes an entry (measured by tests/unit/test_standing.py).
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
"""Entries that changed, each with the remote id that it had before."""


@dataclass(slots=True)
class Tally:
    """Entries of one target: those `there` (but for those confirmed to go), and those to leave or come unconfirmed."""

    there: int = 0
    leaving: int = 0
    coming: int = 0


class EntryStore:
    """All entries of one destination. Comments and tags are kept where the target sends them."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        """The latest by id: what a list is made by. An entry has its own in `Entry.target`."""
        self.entries: dict[str, dict[str, Entry]] = {}
        self.by_sync_state: dict[SyncState, dict[Entry, None]] = {
            sync_state: {} for sync_state in SyncState if sync_state is not SyncState.SETTLED
        }
        self.states: Counter[str] = Counter()
        """Entries by state, and how many are `desired`."""
        self.tallies: dict[str, Tally] = {}
        self._distinct: dict[Target, Target] = {}
        self._kept: dict[str, GuardedChanges] = {}
        self._alarms: list[tuple[float, int, Entry]] = []
        self._serial = count()
        self._watched: dict[str, Changes] = {}
        self._unusable: dict[str, Entry] = {}
        """Entries by their keys that no unit may meet until their records change."""

    def __iter__(self) -> Iterator[Entry]:
        for entries in self.entries.values():
            yield from entries.values()

    @property
    def pending(self) -> int:
        """Entries with work left to do."""
        return sum(
            len(self.by_sync_state[sync_state]) for sync_state in (SyncState.PUT, SyncState.WITHDRAW, SyncState.WAITING)
        )

    def watch(self, target_id: str) -> Changes:
        """Note from now on which entries of a target change: in what is returned, to be emptied by who reads it."""
        self._watched[target_id] = changes = Changes()
        return changes

    def unwatch(self, target_id: str) -> None:
        """Note nothing any more, and forget what was noted."""
        self._watched.pop(target_id, None)

    def desire(self, key: str, desired: Desired | None) -> None:
        """Take in the latest desired record of a key; None is a tombstone."""
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
            # What was released is ours again when it has been written, not before.
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
        """Take in what the applied topic says of a key, before what is desired."""
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
        """The record of an outcome; None is a tombstone."""
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
            content="" if sent else self._spoken_of(entry),
            remote_id=outcome.remote_id,
            reason=outcome.reason,
            reported_at=entry.reported_at,
            at=at,
            attempts=entry.attempts + 1,
            since=outcome.since(at),
            confirmed=outcome.confirmed,
        )

    def settle(self, outcome: Outcome, retry_at: float = 0.0, at: int = 0) -> None:
        """Take in what became of an entry, and when. `retry_at` is when a failed one shall be tried again."""
        entry = outcome.entry
        at = max(at, entry.resend_at or 0)  # the clock of whoever asked for another write may be ahead
        self._lift(entry)
        entry.since, entry.confirmed, entry.at = outcome.since(at), outcome.confirmed, at
        entry.content = "" if outcome.state is None else self._spoken_of(entry)
        entry.state, entry.remote_id, entry.reason = outcome.state, outcome.remote_id, outcome.reason
        entry.uncertain = outcome.reason is not None and outcome.reason.code in UNCERTAIN
        failed = outcome.state is AppliedState.FAILED
        entry.attempts = entry.attempts + 1 if failed else 0
        entry.retry_at = retry_at if failed else 0.0
        entry.released = entry.released and entry.wanted is None
        self._put_down(entry)

    def sent(self, entry: Entry, remote_id: str | None, at: int = 0) -> None:
        """The entry is about to be written: from now on it may be there."""
        self._lift(entry)
        entry.since = entry.since if entry.present else at
        entry.released = False
        entry.uncertain = True
        entry.remote_id = remote_id
        self._put_down(entry)

    def missing(self, entry: Entry, left: str | None = None) -> None:
        """The entry was found to be gone from the vendor: it is to be written again. `left` of it is still there."""
        self._lift(entry)
        entry.remote_id, entry.content, entry.uncertain = left, "", False
        self._put_down(entry)

    def take_out(self, entry: Entry) -> None:
        """No unit shall meet the entry any more, until there is another record of it."""
        self._lift(entry)
        del self.entries[entry.target_id][entry.indicator_id]
        self._unusable[entry.key] = entry
        self.states[AppliedState.REJECTED] += 1

    def keep(self, target_id: str, kept: GuardedChanges) -> None:
        """Keep back what a guard says of a target, also of what is still to come, and nothing else."""
        if self._kept.get(target_id, GuardedChanges.NOTHING) is kept:
            return
        self._kept[target_id] = kept
        for entry in list(self.entries.get(target_id, {}).values()):
            self._lift(entry)
            self._put_down(entry)

    def confirm(self, entry: Entry) -> None:
        """Let through what is to be done with an entry now, whatever a guard says."""
        self._lift(entry)
        entry.confirmed = entry.wanted or ""
        self._put_down(entry)

    def wake(self, now: float) -> float:
        """Let the failed whose time has come be tried again. Returns when the next one's comes (inf: none waits)."""
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

    @staticmethod
    def _spoken_of(entry: Entry) -> str:
        return entry.content if entry.wanted is None else entry.wanted

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
        """The one copy of a target; it is the latest of its id from now on."""
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


def _is_later(asked: int | None, before: int | None) -> bool:
    return asked is not None and asked > (before or 0)
