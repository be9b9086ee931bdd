"""The status writer of a pusher: the only way to change the entry store and publish applied records.

Invariant: each entry at the vendor has an applied record. A new entry is recorded as unconfirmed before the call, and
its outcome after it. So a crash at any point repeats an idempotent call, and an entry that is withdrawn meanwhile is
still known to be possibly present.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from schemas.activity import ActivityItem
from schemas.desired import RELEASED, AppliedState
from schemas.level import Level
from schemas.note import Note
from schemas.record import Reason
from schemas.resources.reconciliation import ReconciliationSpec
from services.runtime.chunks import chunks
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.lifecycle import Context
from services.runtime.observability import trace
from services.runtime.observability.metrics import CONVERGE_SECONDS, DRIFT, ENTRIES, OLDEST_PENDING, PUSHED
from services.runtime.reconciling.entry import (
    GUARD_SHRINK,
    GUARD_SURGE,
    UNCONFIRMED,
    Entry,
    Outcome,
    SyncState,
)
from services.runtime.reconciling.entry_store import EntryStore
from services.runtime.reconciling.notes import Notes
from services.runtime.vendors.errors import StoppedError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.spending import PROCESS, Spending
from services.runtime.vendors.status import Status
from services.runtime.worker_pool import Lease

BEAT_BOUND_S = 180.0
_RECORDS = 2_000
"""Records in one transaction, well within its timeout."""
_DETAIL = 1_000
"""Most characters that are kept of a vendor's text about an entry."""
_STATES = ("desired", "pending", *AppliedState)
_SENT = Reason(code=UNCONFIRMED, detail="sent, or about to be sent; the outcome is not known yet")
_MESSAGES = {
    AppliedState.APPLIED: (Level.INFO, "applied with a remark", None),
    AppliedState.REJECTED: (
        Level.WARNING,
        "rejected by the vendor",
        "correct or withdraw them at their source; each is tried again when it changes, or: ioc-bridge rejected",
    ),
    AppliedState.HELD: (
        Level.WARNING,
        "held for lack of capacity",
        "narrow a rule or withdraw entries; the pusher writes them as soon as there is capacity",
    ),
    AppliedState.FAILED: (
        Level.ERROR,
        "failed and will be tried again",
        "do what the text says; the pusher goes on by itself",
    ),
}


class StatusWriter:
    """The status writer of one connection. Used by one thread."""

    def __init__(
        self,
        context: Context,
        lease: Lease,
        producer: TransactionalProducer,
        store: EntryStore,
        *,
        notes: Notes,
        pace: Pace,
        process: str = PROCESS,
    ) -> None:
        self.connection = lease.connection
        self.store = store
        self.activity = context.activity
        self.stop = lease.stop
        self._context = context
        self._lease = lease
        self._producer = producer
        self._pace = pace
        self._topic = context.settings.topics.applied(lease.name).name
        for verb in ("put", "withdraw"):
            PUSHED.labels(lease.name, verb)
        for kind in ("lost", "stray", "strays_kept"):
            DRIFT.labels(lease.name, kind)
        self.status = Status(context, lease.name, producer.write)
        self.spending = Spending(self.note, process)
        self.notes = notes
        """The notes of the former process."""

    @property
    def asked(self) -> ReconciliationSpec | None:
        """A person's request to reconcile, until `answer`."""
        return self.status.asked(self._context.policy.view)

    def answer(self, asked: ReconciliationSpec, found: str, counts: Mapping[str, int]) -> None:
        """Report the result of a request to reconcile. Raises ProducerError."""
        self.status.answer(asked, found, counts)

    def check(self) -> None:
        """Make sure that work may go on. Call it right before every call of the vendor.

        Raises:
            StoppedError: the service stops.
            LeaseLostError: another process owns the connection.

        """
        self._context.health.beat(f"push {self._lease.name}", BEAT_BOUND_S)
        if self._lease.stop.is_set():
            raise StoppedError(f"stopped while working for {self._lease.name}")
        self._lease.check()

    def write_ahead(self, sending: Iterable[tuple[Entry, str | None]]) -> None:
        """Record entries that are about to be written for the first time, with their remote ids if known.

        Raises:
            StoppedError, LeaseLostError, ProducerError: nothing may be sent.

        """
        notes = [
            Outcome(entry, AppliedState.FAILED, remote_id, _SENT)
            for entry, remote_id in sending
            if not entry.uncertain or entry.remote_id != remote_id
        ]
        self._write(notes)
        for note in notes:
            self.store.sent(note.entry, note.remote_id, now_ms())

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Publish outcomes that are not published yet, and apply them to the store. Cuts long texts of the vendor.

        Raises:
            StoppedError, LeaseLostError, ProducerError: some may not be recorded; they will be done again.

        """
        outcomes = [_bounded(outcome) for outcome in outcomes]
        news = [outcome for outcome in outcomes if not _is_published(outcome)]
        self._write(news)
        self._tell(news)
        self._measure(outcomes)
        now, at = time.monotonic(), now_ms()
        for outcome in outcomes:
            self.store.settle(outcome, now + self._pace.lasting(outcome.entry.attempts), at)
        self.show()

    def remark(self, outcomes: Sequence[Outcome]) -> None:
        """Publish new records of entries that did not change at the vendor. Raises as `record`."""
        self._write(outcomes, keep_time=True)
        now = now_ms()
        for outcome in outcomes:
            self.store.settle(outcome, at=outcome.entry.at or now)

    def collect_garbage(self) -> None:
        """Remove and correct records of entries without other work. Raises as `record`."""
        by_sync_state = self.store.by_sync_state
        while some := [
            *islice(by_sync_state[SyncState.FORGET], _RECORDS),
            *islice(by_sync_state[SyncState.AMEND], _RECORDS),
        ]:
            self.remark([self._amended(entry) for entry in some])

    def confirm(self, entries: Sequence[Entry]) -> None:
        """Let the present changes of these entries pass the guard, and record that. Raises as `record`.

        The record of an uncertain entry stays as it is, so its confirmation ends with the process.
        """
        for entry in entries:
            self.store.confirm(entry)
        self.remark([_unchanged(entry) for entry in entries if not entry.uncertain])

    def _amended(self, entry: Entry) -> Outcome:
        if entry.sync_state is SyncState.FORGET:
            return Outcome(entry, None)
        if not entry.released:
            reason = None if entry.because == GUARD_SHRINK.code else entry.reason
            return Outcome(entry, entry.state, entry.remote_id, reason)
        # Such a target is read before each write, and values without an applied record count as those of others.
        is_read = self.store.targets[entry.target_id].is_readable
        return Outcome(entry, None) if is_read else Outcome(entry, AppliedState.APPLIED, entry.remote_id, RELEASED)

    def show(self) -> None:
        """Update the gauges."""
        counts = {**self.store.states, "pending": self.store.pending}
        for state in _STATES:
            ENTRIES.labels(self._lease.name, state).set(counts.get(state, 0))
        by_sync_state = self.store.by_sync_state
        waiting = (entry for entry in by_sync_state[SyncState.WAITING] if entry.wanted is not None)
        oldest = min((entry.reported_at for entry in chain(by_sync_state[SyncState.PUT], waiting)), default=None)
        age_ms = 0 if oldest is None else max(0, now_ms() - oldest)
        OLDEST_PENDING.labels(self._lease.name).set(age_ms / 1000)

    def note(self, note: Note) -> None:
        """Publish a note for the next process. Raises ProducerError if that fails."""
        self._producer.write([OutgoingRecord(self._topic, note.key(), note.encode())])

    def forget(self, note: Note) -> None:
        """Remove a note. Raises as `note`."""
        self._producer.write([OutgoingRecord(self._topic, note.key(), None)])

    def _write(self, outcomes: Sequence[Outcome], *, keep_time: bool = False) -> None:
        now = now_ms()
        for part in chunks(outcomes, _RECORDS):
            self.check()
            records = [
                (outcome.entry.key, self.store.record(outcome, (outcome.entry.at if keep_time else 0) or now))
                for outcome in part
            ]
            self._producer.write(
                OutgoingRecord(self._topic, key.encode(), record.encode() if record else None, headers=trace.headers())
                for key, record in records
            )

    def _measure(self, outcomes: Iterable[Outcome]) -> None:
        name, now = self._lease.name, now_ms()
        for outcome in outcomes:
            entry = outcome.entry
            if outcome.state is None and entry.sync_state is SyncState.WITHDRAW:
                PUSHED.labels(name, "withdraw").inc()
            elif outcome.state is AppliedState.APPLIED and entry.sync_state is not SyncState.SETTLED:
                PUSHED.labels(name, "put").inc()
                CONVERGE_SECONDS.labels(name).observe(max(0, now - entry.reported_at) / 1000)

    def _tell(self, news: Iterable[Outcome]) -> None:
        by_state: dict[AppliedState, list[ActivityItem]] = {}
        for outcome in news:
            entry, reason = outcome.entry, outcome.reason
            if outcome.state is not None and reason and (outcome.state, reason) != (entry.state, entry.reason):
                detail = f"{entry.target_id}: {reason.detail}" if reason.detail else entry.target_id
                activity_item = ActivityItem(subject=entry.indicator_id, reason=reason.code, detail=detail)
                by_state.setdefault(outcome.state, []).append(activity_item)
        for state, entries in by_state.items():
            if state is AppliedState.SKIPPED:
                self.activity.skipped(self._lease.name, entries)
            else:
                level, what, remedy = _MESSAGES[state]
                text = f"{len(entries)} {what}; {entries[0].detail}"
                self.activity.tell(level, state, text, connection=self._lease.name, remedy=remedy, items=entries)


def _bounded(outcome: Outcome) -> Outcome:
    reason = outcome.reason
    if reason is None or len(reason.detail) <= _DETAIL:
        return outcome
    return replace(outcome, reason=reason.model_copy(update={"detail": reason.detail[: _DETAIL - 1] + "…"}))


def _is_published(outcome: Outcome) -> bool:
    """Whether the applied topic has this outcome already."""
    entry = outcome.entry
    if entry.uncertain or entry.again or entry.confirmed is not None or outcome.state is None:
        return False
    content = entry.content if entry.wanted is None else entry.wanted
    return (entry.state, entry.content, entry.remote_id, entry.reason) == (
        outcome.state, content, outcome.remote_id, outcome.reason
    )  # fmt: skip


def _unchanged(entry: Entry) -> Outcome:
    """Return the outcome that an entry's record has already; a new entry is held."""
    if entry.new:
        return Outcome(entry, AppliedState.HELD, None, GUARD_SURGE)
    return Outcome(entry, entry.state, entry.remote_id, entry.reason)
