"""The change guard: holds changes that would add or remove too much of a target at once, until a person confirms.

Invariant: each check decides anew from the desired and applied entries, the guards and the verdicts. Updates in place
and changes in the other direction go on. A confirmation marks single entries, so it is carried out even after the
verdict expires; entries that come later are checked again.

Additions are abnormal only compared with entries older than `FRESH_MS`, so an empty target takes any number of them.
"""

from collections.abc import Iterator
from typing import Final

from schemas.activity import ActivityItem
from schemas.desired import AppliedState
from schemas.hold import HoldKind
from services.runtime.change_limits import TargetLimits, exceeded, surging, target_limits
from services.runtime.clock import now_ms
from services.runtime.holds import CONFIRMED, RECOVERED, Finding, Holds, verdict_on
from services.runtime.policy import PolicyView
from services.runtime.reconciling.entry import GUARD_SHRINK, GUARD_SURGE, Entry, GuardedChanges, Outcome, SyncState
from services.runtime.reconciling.pusher import Pusher
from services.runtime.reconciling.status_writer import StatusWriter

FRESH_MS: Final = 60 * 60 * 1000
"""How long an entry counts as new."""

_PENDING: Final = (SyncState.PUT, SyncState.WITHDRAW, SyncState.GUARDED, SyncState.WAITING)
_SHRINK: Final = HoldKind.TARGET_WOULD_SHRINK
_SURGE: Final = HoldKind.TARGET_WOULD_SURGE
_KEPT: Final = {_SHRINK: GuardedChanges.WITHDRAWALS, _SURGE: GuardedChanges.ADDITIONS}


class ChangeGuard:
    """Guards the targets of one destination. Wraps the vendor's pusher and closes it."""

    def __init__(self, writer: StatusWriter, holds: Holds, policy: PolicyView, pusher: Pusher) -> None:
        self._writer = writer
        self._holds = holds
        self._policy = policy
        self._pusher = pusher

    def reconcile_once(self) -> float:
        """Collect garbage, decide what to hold, then do a unit of work of the rest. See `Pusher`."""
        self._writer.collect_garbage()
        self.look()
        return self._pusher.reconcile_once()

    def try_entry(self, entry: Entry) -> None:
        """See `Pusher`."""
        self._pusher.try_entry(entry)

    def close(self) -> None:
        """Close the vendor's pusher."""
        self._pusher.close()

    def look(self) -> None:
        """Decide for every target what to hold, publish that, and end holds that no longer apply.

        Raises:
            StoppedError, LeaseLostError, ProducerError: as the status writer; the next call decides the same.

        """
        policy, now, name = self._policy.view, now_ms(), self._writer.connection.name
        limits = target_limits(policy, name)
        kept = dict.fromkeys(self._writer.store.tallies, GuardedChanges.NOTHING)
        confirmed = set()
        for target_id in list(kept):
            for finding in self._found(target_id, limits, now):
                word = verdict_on(policy, name, target_id, finding.kind, now)
                if word == "confirm":
                    self._writer.confirm(list(self._pending(finding)))
                    confirmed.add((target_id, finding.kind))
                else:
                    kept[target_id] |= _KEPT[finding.kind]
                    self._holds.keep(finding, self._sample(finding), word)
        for target_id, what in kept.items():
            self._writer.store.keep(target_id, what)
        self._writer.remark(list(self._unmarked()))
        for hold in self._holds.open:
            if _KEPT[hold.kind] not in kept.get(hold.subject, GuardedChanges.NOTHING):
                is_confirmed = (hold.subject, hold.kind) in confirmed
                self._holds.over(hold.kind, hold.subject, CONFIRMED if is_confirmed else RECOVERED)

    def _found(self, target_id: str, limits: TargetLimits, now: int) -> Iterator[Finding]:
        tally = self._writer.store.tallies[target_id]
        there = self._holds.base(_SHRINK, target_id, tally.there)
        if (limit := exceeded(limits.shrink, tally.leaving, there)) is not None:
            yield Finding(_SHRINK, target_id, tally.leaving, there, limit)
        if any(tally.coming >= limit.at_least and tally.there >= limit.at_least for limit in limits.surge):
            there = self._holds.base(_SURGE, target_id, self._settled(target_id, now))
            if (limit := surging(limits.surge, tally.coming, there)) is not None:
                yield Finding(_SURGE, target_id, tally.coming, there, limit)

    def _settled(self, target_id: str, now: int) -> int:
        """Return how many entries are older than `FRESH_MS`."""
        entries = self._writer.store.entries[target_id].values()
        return sum(entry.present and not entry.released and (entry.since or 0) <= now - FRESH_MS for entry in entries)

    def _pending(self, finding: Finding) -> Iterator[Entry]:
        """Yield entries that would leave, or be added, and are not confirmed."""
        leaving = finding.kind is _SHRINK
        for sync_state in _PENDING:
            for entry in self._writer.store.by_sync_state[sync_state]:
                concerned = entry.leaving if leaving else entry.new
                if concerned and entry.target_id == finding.subject and not entry.let_through:
                    yield entry

    def _sample(self, finding: Finding) -> Iterator[ActivityItem]:
        reason = GUARD_SHRINK if finding.kind is _SHRINK else GUARD_SURGE
        return (ActivityItem(subject=entry.indicator_id, reason=reason.code) for entry in self._pending(finding))

    def _unmarked(self) -> Iterator[Outcome]:
        """Yield outcomes for guarded entries whose records do not say so yet.

        An entry whose record says more (it is uncertain, or an edit was rejected) keeps that record.
        """
        for entry in self._writer.store.by_sync_state[SyncState.GUARDED]:
            if entry.new:
                if entry.because != GUARD_SURGE.code or entry.content != entry.wanted:
                    yield Outcome(entry, AppliedState.HELD, None, GUARD_SURGE)
            elif entry.state is AppliedState.APPLIED and entry.reason is None and not entry.uncertain:
                yield Outcome(entry, AppliedState.APPLIED, entry.remote_id, GUARD_SHRINK)
