"""The loop of a pusher for one connection: follow what is desired, let the vendor's part do a unit of work, repeat.

Invariant: the order is: become the one writer (which fences a former one), read what is applied, read what is desired,
then work. Between two units of work the latest wishes are taken in, so a withdrawal never waits behind a long backlog.
"""

import time
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from kafka import KafkaConsumer, TopicPartition

from schemas.canonical import indicator_id
from schemas.desired import Applied, Desired, entry_key
from schemas.note import RESERVED
from schemas.record import UndecodableError
from schemas.types import IndicatorType
from services.runtime.holds import Holds, known_holds
from services.runtime.kafka.bulk_read import Raw, poll, read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.kafka.transactional_producer import TransactionalProducer
from services.runtime.lifecycle import Context
from services.runtime.observability import log, trace
from services.runtime.observability.metrics import VENDOR_RETRIES
from services.runtime.reconciling.change_guard import ChangeGuard
from services.runtime.reconciling.entry_store import EntryStore
from services.runtime.reconciling.notes import Notes
from services.runtime.reconciling.pusher import FOREVER, Pusher
from services.runtime.reconciling.status_writer import BEAT_BOUND_S, StatusWriter
from services.runtime.vendors.breaker import Breaker, Circuit
from services.runtime.vendors.errors import StoppedError, VendorError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import known_state
from services.runtime.worker_pool import Lease

__all__ = ["FOREVER", "Pusher", "Reconciler"]

_TICK_S = 0.25
_LINKS = 100
"""Traces at most that one unit is linked to."""
_SETTLED_AFTER = 8
"""Times the settling time that a burst may take before something is written."""
_LONE_SHARE = 0.25
"""Share of the settling time after which a change that nothing has followed is written."""

_LOG = log.get(__name__)
_R = TypeVar("_R", Applied, Desired)


class Reconciler:
    """Works for one connection until its tenure ends: a `Worker` for the fleet.

    `detailed`: the vendor is told comments and tags, so they are kept.
    """

    def __init__(
        self,
        context: Context,
        lease: Lease,
        make: Callable[[StatusWriter], Pusher],
        *,
        detailed: bool,
        pace: Pace | None = None,
    ) -> None:
        self._context = context
        self._lease = lease
        self._make = make
        self._pace = pace or Pace()
        self._store = EntryStore(detailed=detailed)
        topics = context.settings.topics
        self._applied = TopicPartition(topics.applied(lease.name).name, 0)
        self._desired = TopicPartition(topics.desired(lease.name).name, 0)
        self._notes = Notes(lease.name)
        self._steps: dict[str, None] = {}
        """Steps of traces whose changes came since there was nothing left to do."""

    def run(self) -> None:
        """Work.

        Raises:
            LedgerError, LeaseLostError: someone else works for the connection.
            TooManyDeadLettersError: what is desired cannot be read.

        """
        name = self._lease.name
        try:
            with closing(consumer(self._context.settings)) as reader:
                self._await_topics(reader)
                with closing(TransactionalProducer(self._context.settings, f"push/{name}")) as producer:
                    self._load(reader)
                    writer = StatusWriter(self._context, self._lease, producer, self._store, self._pace)
                    writer.notes = self._notes
                    writer.status.recall(known_state(self._context, name))
                    circuit = Breaker(self._context, name, writer.status, self._pace).circuit()
                    holds = Holds(self._context, name, producer.write, known_holds(self._context, name))
                    with closing(ChangeGuard(writer, holds, self._context.policy, self._make(writer))) as pusher:
                        self._converge(reader, writer, pusher, circuit)
        except StoppedError:
            pass  # that is how a long wait ends
        finally:
            self._context.health.done(f"entries of {name}")
            self._context.health.forget(f"push {name}")
            self._context.health.remark(f"connection {name}", None)

    def _await_topics(self, reader: KafkaConsumer) -> None:
        """A tenant that nothing is shared to has no topics; that is no reason not to be ready."""
        name = self._lease.name
        ours = self._context.settings.topics
        topics = (self._applied.topic, self._desired.topic, ours.holds.name, ours.connections.name)
        while missing := [topic for topic in topics if not reader.partitions_for_topic(topic)]:
            if any(sharing.spec.destination == name for sharing in self._context.policy.view.sharings.values()):
                why = f"{', '.join(missing)} must exist; run: ioc-bridge topics apply"
                self._context.health.wait_for(f"entries of {name}", why)
            self._breathe()
            if self._lease.stop.wait(1):
                raise StoppedError(f"asked to leave while waiting for topics of {name}")

    def _load(self, reader: KafkaConsumer) -> None:
        name = self._lease.name
        self._context.health.wait_for(f"entries of {name}", "reading what is desired and what is applied")
        began = time.monotonic()
        for record in read_to_end(reader, self._applied):
            self._take(self._applied, record, Applied, self._store.know)
        for record in read_to_end(reader, self._desired):
            self._take(self._desired, record, Desired, self._store.desire)
        self._context.health.done(f"entries of {name}")
        took = round(time.monotonic() - began, 1)
        states = dict(self._store.states)
        _LOG.info("read how it stands", connection=name, seconds=took, pending=self._store.pending, **states)

    def _converge(self, reader: KafkaConsumer, writer: StatusWriter, pusher: Pusher, circuit: Circuit) -> None:
        due, shown, version, heard = 0.0, 0.0, 0, ""
        while not self._lease.stop.is_set():
            self._breathe()
            fresh = self._absorb(reader, due - time.monotonic())
            policy = self._context.policy.view.version
            fresh, version = fresh or policy != version, policy  # a verdict, or another guard, may let something go on
            if (asked := writer.asked) and asked.id != heard:
                heard, due = asked.id, 0.0
                circuit.hurry()
            now = time.monotonic()
            self._store.wake(now)
            if now >= circuit.due and (fresh or now >= due):
                due = now + self._work(pusher, circuit)
            due = max(min(due, self._store.wake(now)), circuit.due)
            if now - shown > 1:
                writer.show()
                shown = now

    def _absorb(self, reader: KafkaConsumer, wait: float) -> bool:
        """Take in what is new; wait for it when there is nothing else to do, and then let a burst settle.

        What came alone is given a part of that time only: if nothing follows by then, it is no burst.
        """
        came = self._follow(reader, min(max(wait, 0.0), _TICK_S))
        if not came:
            return False
        settle = self._context.settings.settle_s if wait > 0 else 0.0
        until = time.monotonic() + settle * _SETTLED_AFTER
        quiet = time.monotonic() + (settle if came > 1 else settle * _LONE_SHARE)
        while (left := min(quiet, until) - time.monotonic()) > 0 and not self._lease.stop.is_set():
            if self._follow(reader, left):
                quiet = time.monotonic() + settle
        return True

    def _follow(self, reader: KafkaConsumer, wait: float) -> int:
        """Take in what comes within so many seconds. Returns how many records that was."""
        records = poll(reader, self._desired, int(wait * 1000))
        for record in records:
            self._take(self._desired, record, Desired, self._store.desire)
            if (came_with := trace.of(record.headers)) and len(self._steps) < _LINKS:
                self._steps[came_with] = None
        return len(records)

    def _work(self, pusher: Pusher, circuit: Circuit) -> float:
        """One unit. Returns in how many seconds to come back; the circuit says when not before."""
        circuit.begin()
        try:
            with trace.span("push", parent=self._last_step(), links=self._steps, connection=self._lease.name):
                wait = pusher.reconcile_once()
        except VendorError as error:
            VENDOR_RETRIES.labels(self._lease.name, error.route).inc()
            return circuit.failed(error)
        circuit.passed()
        if wait > 0:
            self._steps.clear()
        return wait

    def _last_step(self) -> str | None:
        """The step that a unit goes on from; it serves all those that came since there was nothing left to do."""
        return next(reversed(self._steps), None)

    def _take(
        self, partition: TopicPartition, record: Raw, kind: type[_R], into: Callable[[str, _R | None], None]
    ) -> None:
        if record.key is None:
            return
        if record.key.startswith(RESERVED):
            self._notes.take(record.key, record.value)
            return
        try:
            key = _checked_key(record.key)
            entry = None if record.value is None else kind.decode(record.value)
            _check_subject(key, entry)
        except UndecodableError as error:
            # What was known of the key stays: nothing is withdrawn or written because of a record nobody can read.
            self._context.deadletters.set_aside(partition.topic, 0, record, error)
        else:
            self._context.deadletters.limit.good(partition.topic, 0)
            into(key, entry)

    def _breathe(self) -> None:
        self._context.health.beat(f"push {self._lease.name}", BEAT_BOUND_S)
        if self._lease.stop.is_set():
            raise StoppedError(f"asked to leave while working for {self._lease.name}")


def _checked_key(raw: bytes) -> str:
    try:
        key = raw.decode()
        IndicatorType(key.partition("/")[2].partition(":")[0])
    except ValueError as error:
        raise UndecodableError(f"{raw[:100]!r} is not <target id>/<type>:<value>, as the key of an entry is") from error
    return key


def _check_subject(key: str, entry: Applied | Desired | None) -> None:
    if entry and key != entry_key(entry.target.id, indicator_id(entry.type, entry.value)):
        raise UndecodableError(f"the record under {key!a} is about something else")
