"""A pusher's books: the standing of its destination, and the one way to change and publish it.

Invariant: nothing is at the vendor that the books do not know of. What goes out for the first time is noted as
unconfirmed before the call, and every outcome is recorded after it. So a crash at any point repeats an idempotent call,
and an entry that is withdrawn meanwhile is still known to be there, perhaps.
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
from services.runtime.vendors.spending import Spending
from services.runtime.vendors.status import Status
from services.runtime.worker_pool import Lease

BEAT_BOUND_S = 180.0
_RECORDS = 2_000
"""Records in one transaction: well within its timeout."""
_DETAIL = 1_000
"""Characters of what a vendor said of an entry."""
_STATES = ("desired", "pending", *AppliedState)
_SENT = Reason(code=UNCONFIRMED, detail="about to be sent, or sent; what the vendor made of it is not known yet")
_TOLD = {
    AppliedState.APPLIED: (Level.INFO, "there, with a remark", None),
    AppliedState.REJECTED: (
        Level.WARNING,
        "rejected by the vendor",
        "correct or withdraw them where they come from; each is tried again when it changes, or: ioc-bridge rejected",
    ),
    AppliedState.HELD: (
        Level.WARNING,
        "held back for want of room",
        "narrow a rule or withdraw something; they follow by themselves as soon as there is room",
    ),
    AppliedState.FAILED: (
        Level.ERROR,
        "failed and will be tried again",
        "do what the text says; the pusher goes on by itself",
    ),
}


class StatusWriter:
    """The books of one connection. Used by one thread."""

    def __init__(
        self, context: Context, lease: Lease, producer: TransactionalProducer, store: EntryStore, pace: Pace
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
        self.spending = Spending(self.note)
        self.notes = Notes(lease.name)
        """Notes as they stood when the books were opened."""

    @property
    def asked(self) -> ReconciliationSpec | None:
        """The comparison that a person asks for, until `answer`."""
        return self.status.asked(self._context.policy.view)

    def answer(self, asked: ReconciliationSpec, found: str, counts: Mapping[str, int]) -> None:
        """Tell what a comparison that was asked for has found. Raises ProducerError."""
        self.status.answer(asked, found, counts)

    def check(self) -> None:
        """Make sure that work may go on; to be called right before every call of the vendor.

        Raises:
            StoppedError: the service stops.
            LeaseLostError: the connection belongs to another process.

        """
        self._context.health.beat(f"push {self._lease.name}", BEAT_BOUND_S)
        if self._lease.stop.is_set():
            raise StoppedError(f"stopped while working for {self._lease.name}")
        self._lease.check()

    def write_ahead(self, sending: Iterable[tuple[Entry, str | None]]) -> None:
        """Note entries that are about to be written for the first time, with their remote ids where those are known.

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
        """Publish what became of entries, and go on from there. What is published already is not published again.

        What a vendor said is cut where it is too long for a record.

        Raises:
            StoppedError, LeaseLostError, ProducerError: some may not be recorded; they will be done again.

        """
        outcomes = [_bounded(outcome) for outcome in outcomes]
        news = [outcome for outcome in outcomes if not _published(outcome)]
        self._write(news)
        self._tell(news)
        self._measure(outcomes)
        now, at = time.monotonic(), now_ms()
        for outcome in outcomes:
            self.store.settle(outcome, now + self._pace.lasting(outcome.entry.attempts), at)
        self.show()

    def remark(self, outcomes: Sequence[Outcome]) -> None:
        """Publish another word on entries of which nothing changed at the vendor. Raises as `record`."""
        self._write(outcomes, keep_time=True)
        now = now_ms()
        for outcome in outcomes:
            self.store.settle(outcome, at=outcome.entry.at or now)

    def collect_garbage(self) -> None:
        """Remove and set right the records of entries of which nothing else is left to do. Raises as `record`."""
        by_sync_state = self.store.by_sync_state
        while some := [
            *islice(by_sync_state[SyncState.FORGET], _RECORDS),
            *islice(by_sync_state[SyncState.AMEND], _RECORDS),
        ]:
            self.remark([self._amended(entry) for entry in some])

    def confirm(self, entries: Sequence[Entry]) -> None:
        """Let through what is to be done with these entries now, and remember that. Raises as `record`.

        What may or may not be there keeps the record that says so, and is let through until the process ends.
        """
        for entry in entries:
            self.store.confirm(entry)
        self.remark([_as_it_is(entry) for entry in entries if not entry.uncertain])

    def _amended(self, entry: Entry) -> Outcome:
        if entry.sync_state is SyncState.FORGET:
            return Outcome(entry, None)
        if not entry.released:
            reason = None if entry.because == GUARD_SHRINK.code else entry.reason
            return Outcome(entry, entry.state, entry.remote_id, reason)
        # These are read before they are written: what is in them and not in the books is somebody else's.
        is_read = self.store.targets[entry.target_id].is_readable
        return Outcome(entry, None) if is_read else Outcome(entry, AppliedState.APPLIED, entry.remote_id, RELEASED)

    def show(self) -> None:
        """Bring the gauges up to date."""
        counts = {**self.store.states, "pending": self.store.pending}
        for state in _STATES:
            ENTRIES.labels(self._lease.name, state).set(counts.get(state, 0))
        by_sync_state = self.store.by_sync_state
        waiting = (entry for entry in by_sync_state[SyncState.WAITING] if entry.wanted is not None)
        oldest = min((entry.reported_at for entry in chain(by_sync_state[SyncState.PUT], waiting)), default=None)
        age_ms = 0 if oldest is None else max(0, now_ms() - oldest)
        OLDEST_PENDING.labels(self._lease.name).set(age_ms / 1000)

    def note(self, note: Note) -> None:
        """Publish a note for the process after this one. Raises ProducerError where it could not be published."""
        self._producer.write([OutgoingRecord(self._topic, note.key(), note.encode())])

    def forget(self, note: Note) -> None:
        """Publish that a note is none any more. Raises as `note`."""
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
                level, what, remedy = _TOLD[state]
                text = f"{len(entries)} {what}; {entries[0].detail}"
                self.activity.tell(level, state, text, connection=self._lease.name, remedy=remedy, items=entries)


def _bounded(outcome: Outcome) -> Outcome:
    reason = outcome.reason
    if reason is None or len(reason.detail) <= _DETAIL:
        return outcome
    return replace(outcome, reason=reason.model_copy(update={"detail": reason.detail[: _DETAIL - 1] + "…"}))


def _published(outcome: Outcome) -> bool:
    """Whether the applied topic says just this already."""
    entry = outcome.entry
    if entry.uncertain or entry.again or entry.confirmed is not None or outcome.state is None:
        return False
    content = entry.content if entry.wanted is None else entry.wanted
    return (entry.state, entry.content, entry.remote_id, entry.reason) == (
        outcome.state, content, outcome.remote_id, outcome.reason
    )  # fmt: skip


def _as_it_is(entry: Entry) -> Outcome:
    """What the books say of an entry already; of one that is new, that it waits."""
    if entry.new:
        return Outcome(entry, AppliedState.HELD, None, GUARD_SURGE)
    return Outcome(entry, entry.state, entry.remote_id, entry.reason)
