"""The reconcile loop of one connection: follow the desired entries, let the vendor's part do a unit of work, repeat.

Invariant: the order at the start is: become the only writer, which fences the former one; read the applied records;
read the desired ones; work. New desired records are read between units, so a withdrawal never waits for a backlog.
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
"""Most traces that one unit links to."""
_SETTLED_AFTER = 8
"""Multiple of the settling time after which a burst is written even if it goes on."""
_LONE_SHARE = 0.25
"""Share of the settling time after which a single change is written."""

_LOG = log.get(__name__)


class Reconciler:
    """Reconciles one connection until its lease ends: a `Worker` of the worker pool."""

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
        """Traceparents of the changes since there was nothing left to do."""

    def run(self) -> None:
        """Reconcile until the lease ends.

        Raises:
            ProducerError, LeaseLostError: another process works for the connection.
            TooManyDeadLettersError: too many records of the destination are undecodable.
            Exception: any other failure that is not caused by single entries.

        """
        name = self._lease.name
        try:
            with closing(consumer(self._context.settings)) as reader:
                self._await_topics(reader)
                with closing(TransactionalProducer(self._context.settings, f"push/{name}")) as producer:
                    self._load(reader)
                    writer = StatusWriter(
                        self._context, self._lease, producer, self._store, notes=self._notes, pace=self._pace
                    )
                    writer.status.recall(known_state(self._context, name))
                    circuit = Breaker(self._context, name, writer.status, self._pace).circuit()
                    holds = Holds(self._context, name, producer.write, known_holds(self._context, name))
                    while not self._lease.stop.is_set():
                        with closing(ChangeGuard(writer, holds, self._context.policy, self._make(writer))) as pusher:
                            self._converge(reader, writer, pusher, circuit)
        except StoppedError:
            pass  # a wait ended because the service stops
        finally:
            self._context.health.done(f"entries of {name}")
            self._context.health.forget(f"push {name}")
            self._context.health.remark(f"connection {name}", None)

    def _await_topics(self, reader: KafkaConsumer) -> None:
        """Wait for the topics. Without a sharing to the destination they are missing, and the service stays ready."""
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
        _LOG.info("read the entries", connection=name, seconds=took, pending=self._store.pending, **states)

    def _converge(self, reader: KafkaConsumer, writer: StatusWriter, pusher: Pusher, circuit: Circuit) -> None:
        """Work until the lease ends, or until entries that made a unit fail are rejected.

        The state of the vendor's part is unknown after such a unit, so the caller makes a new one.
        """
        due, shown, version, started = 0.0, 0.0, 0, ""
        while not self._lease.stop.is_set():
            self._breathe()
            fresh = self._absorb(reader, due - time.monotonic())
            policy = self._context.policy.view.version
            fresh, version = fresh or policy != version, policy  # a verdict or a changed guard may end a hold
            if (request := writer.asked) and request.id != started:
                started, due = request.id, 0.0
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
        """Read new records, waiting for them while idle, and let a burst settle. Returns whether there were any.

        A single record waits for a part of the settling time only: if none follows by then, it is no burst.
        """
        count = self._follow(reader, min(max(wait, 0.0), _TICK_S))
        if not count:
            return False
        settle = self._context.settings.settle_s if wait > 0 else 0.0
        until = time.monotonic() + settle * _SETTLED_AFTER
        quiet = time.monotonic() + (settle if count > 1 else settle * _LONE_SHARE)
        while (left := min(quiet, until) - time.monotonic()) > 0 and not self._lease.stop.is_set():
            if self._follow(reader, left):
                quiet = time.monotonic() + settle
        return True

    def _follow(self, reader: KafkaConsumer, wait: float) -> int:
        """Read the records that arrive within `wait` seconds. Returns their number."""
        records = poll(reader, self._desired, int(wait * 1000))
        for record in records:
            self._intake.take(self._desired, record, Desired, self._store.desire)
            if (traceparent := trace.of(record.headers)) and len(self._steps) < _LINKS:
                self._steps[traceparent] = None
        return len(records)

    def _work(self, writer: StatusWriter, pusher: Pusher, circuit: Circuit) -> float | None:
        """Do one unit of work. Returns the seconds until the next one, which the circuit may extend.

        Returns None if the unit failed for single entries, which are rejected now.
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
            _LOG.warning("rejected entries that made a unit fail", connection=self._lease.name, count=count, why=why)
            return None
        self._lease.worked()
        circuit.passed()
        if wait > 0:
            self._steps.clear()
        return wait

    def _last_step(self) -> str | None:
        """Return the traceparent that a unit continues: the latest since there was nothing left to do."""
        return next(reversed(self._steps), None)

    def _breathe(self) -> None:
        self._context.health.beat(f"push {self._lease.name}", BEAT_BOUND_S)
        if self._lease.stop.is_set():
            raise StoppedError(f"stopped while working for {self._lease.name}")
