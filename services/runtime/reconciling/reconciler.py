"""The loop of a pusher for one connection: follow what is desired, let the vendor's part do a unit of work, repeat.

Invariant: the order is: become the one writer (which fences a former one), read what is applied, read what is desired,
then work. Between two units of work the latest wishes are taken in, so a withdrawal never waits behind a long backlog.
"""

import time
from collections.abc import Callable
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.desired import Applied, Desired
from services.runtime.deadletters import TooManyDeadLettersError
from services.runtime.holds import Holds, known_holds
from services.runtime.kafka.bulk_read import poll, read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.kafka.leases import LeaseLostError
from services.runtime.kafka.transactional_producer import ProducerError, TransactionalProducer
from services.runtime.lifecycle import Context
from services.runtime.observability import log, trace
from services.runtime.observability.metrics import VENDOR_RETRIES
from services.runtime.reconciling.change_guard import ChangeGuard
from services.runtime.reconciling.entry_store import EntryStore
from services.runtime.reconciling.intake import Intake
from services.runtime.reconciling.notes import Notes
from services.runtime.reconciling.pusher import Pusher
from services.runtime.reconciling.status_writer import BEAT_BOUND_S, StatusWriter
from services.runtime.reconciling.unusable import reject_unusable
from services.runtime.vendors.breaker import Breaker, Circuit
from services.runtime.vendors.errors import StoppedError, VendorError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import known_state
from services.runtime.worker_pool import Lease

_NOT_OF_ENTRIES = (StoppedError, LeaseLostError, ProducerError, KafkaError, TooManyDeadLettersError)
_TICK_S = 0.25
_LINKS = 100
"""Traces at most that one unit is linked to."""
_SETTLED_AFTER = 8
"""Times the settling time that a burst may take before something is written."""
_LONE_SHARE = 0.25
"""Share of the settling time after which a change that nothing has followed is written."""

_LOG = log.get(__name__)


class Reconciler:
    """Works for one connection until its lease ends: a `Worker` of the worker pool."""

    def __init__(
        self,
        context: Context,
        lease: Lease,
        make: Callable[[StatusWriter], Pusher],
        *,
        pace: Pace | None = None,
    ) -> None:
        self._context = context
        self._lease = lease
        self._make = make
        self._pace = pace or Pace()
        self._store = EntryStore()
        topics = context.settings.topics
        self._applied = TopicPartition(topics.applied(lease.name).name, 0)
        self._desired = TopicPartition(topics.desired(lease.name).name, 0)
        self._notes = Notes(lease.name)
        self._intake = Intake(context.deadletters, self._notes, lease.connection.vendor)
        self._steps: dict[str, None] = {}
        """Steps of traces whose changes came since there was nothing left to do."""

    def run(self) -> None:
        """Work.

        Raises:
            ProducerError, LeaseLostError: someone else works for the connection.
            TooManyDeadLettersError: what is desired cannot be read.
            Exception: any other failure of this connection that no entry of it is to blame for.

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
                    while not self._lease.stop.is_set():
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
                raise StoppedError(f"stopped while waiting for topics of {name}")

    def _load(self, reader: KafkaConsumer) -> None:
        name = self._lease.name
        self._context.health.wait_for(f"entries of {name}", "reading what is desired and what is applied")
        began = time.monotonic()
        for part in (self._applied, self._desired):
            self._context.deadletters.limit.begin(part.topic, part.partition)
        for record in read_to_end(reader, self._applied):
            self._intake.take(self._applied, record, Applied, self._store.know)
        for record in read_to_end(reader, self._desired):
            self._intake.take(self._desired, record, Desired, self._store.desire)
        self._context.health.done(f"entries of {name}")
        took = round(time.monotonic() - began, 1)
        states = dict(self._store.states)
        _LOG.info("read how it stands", connection=name, seconds=took, pending=self._store.pending, **states)

    def _converge(self, reader: KafkaConsumer, writer: StatusWriter, pusher: Pusher, circuit: Circuit) -> None:
        """Work until the lease ends, or a unit failed for entries that are rejected by now.

        What that unit left undone in the vendor's part is not known, so that part is to be made anew.
        """
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
                wait = self._work(writer, pusher, circuit)
                if wait is None:
                    return
                due = now + wait
            due = max(min(due, self._store.wake(now)), circuit.due)
            if now - shown > 1:
                writer.show()
                shown = now
                if writer.status.latest.failure and self._lease.is_steady:
                    writer.status.recovered()

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
            self._intake.take(self._desired, record, Desired, self._store.desire)
            if (came_with := trace.of(record.headers)) and len(self._steps) < _LINKS:
                self._steps[came_with] = None
        return len(records)

    def _work(self, writer: StatusWriter, pusher: Pusher, circuit: Circuit) -> float | None:
        """One unit. Returns in how many seconds to come back; the circuit says when not before.

        None: it failed for entries that are rejected by now.
        """
        circuit.begin()
        try:
            with trace.span("push", parent=self._last_step(), links=self._steps, connection=self._lease.name):
                wait = pusher.reconcile_once()
        except _NOT_OF_ENTRIES:
            raise
        except VendorError as error:
            self._lease.worked()
            VENDOR_RETRIES.labels(self._lease.name, error.route).inc()
            return circuit.failed(error)
        except Exception as error:
            count, why = reject_unusable(writer, pusher.try_entry), repr(error)
            if not count:
                raise
            _LOG.warning("rejected entries that a unit failed for", connection=self._lease.name, count=count, why=why)
            return None
        self._lease.worked()
        circuit.passed()
        if wait > 0:
            self._steps.clear()
        return wait

    def _last_step(self) -> str | None:
        """The step that a unit goes on from; it serves all those that came since there was nothing left to do."""
        return next(reversed(self._steps), None)

    def _breathe(self) -> None:
        self._context.health.beat(f"push {self._lease.name}", BEAT_BOUND_S)
        if self._lease.stop.is_set():
            raise StoppedError(f"stopped while working for {self._lease.name}")
