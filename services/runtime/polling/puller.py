"""The loop of a puller for one connection: become the source's only writer, load its checkpoint, then poll.

Invariant: ownership is checked right before each vendor call. Vendor errors never end the loop; any other error does,
and the next worker starts again from Kafka. A wait ends at once when the service stops.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from schemas.activity import ActivityItem
from schemas.level import Level
from services.runtime.clock import now_ms
from services.runtime.holds import Holds
from services.runtime.kafka.clients import consumer
from services.runtime.lifecycle import Context
from services.runtime.observability import log
from services.runtime.observability.metrics import POLL_INTERVAL
from services.runtime.polling.poll_requests import PollRequest
from services.runtime.polling.reporter import Reporter
from services.runtime.polling.schedule import Schedule, Stream
from services.runtime.vendors.breaker import Breaker
from services.runtime.vendors.errors import StoppedError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import Status, known_state
from services.runtime.worker_pool import Lease

BEAT_BOUND_S = 180.0
_LISTEN_S = 0.5
"""Seconds between checks for a person's request or verdict."""
_IDLE_S = 5.0

_LOG = log.get(__name__)


class SourceContext:
    """What the vendor's part of a puller uses."""

    def __init__(self, context: Context, lease: Lease, reporter: Reporter) -> None:
        self.connection = lease.connection
        self.name = lease.name
        self.stop = lease.stop
        self.reporter = reporter
        self.policy = context.policy
        self.service = context.service
        self.topics = context.settings.topics
        self.status = Status(context, lease.name, reporter.write)
        self.holds = Holds(context, lease.name, reporter.write, reporter.memory.holds)
        self._context = context
        self._lease = lease

    def check(self) -> None:
        """Make sure that work may go on.

        Raises:
            StoppedError: the service stops.
            LeaseLostError: another process owns the connection.

        """
        self._context.health.beat(f"pull {self.name}", BEAT_BOUND_S)
        if self.stop.is_set():
            raise StoppedError(f"stopped while working for {self.name}")
        self._lease.check()
        if self.status.latest.failure and self._lease.is_steady:
            self.status.recovered()

    def rest(self, seconds: float, poll_request: PollRequest, *, patient: bool) -> None:
        """Wait for the next turn, or until a person requests a poll or confirms a hold. Raises as `check`.

        `patient`: the vendor fails at present, so a confirmed hold does not shorten the wait.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            if poll_request.has_news or (not patient and self.holds.awaits(self.policy.view, now_ms())):
                return
            self.stop.wait(min(left, _LISTEN_S))
        self.check()

    def tell(self, level: Level, code: str, text: str, remedy: str | None = None) -> None:
        """Publish and log one message about the connection."""
        self._context.activity.tell(level, code, text, connection=self.name, remedy=remedy)

    def skipped(self, items: Sequence[ActivityItem]) -> None:
        """Publish and count what is not reported, each with its reason."""
        self._context.activity.skipped(self.name, items)


class Source(Protocol):
    """The vendor's part of a puller."""

    @property
    def streams(self) -> Sequence[Stream]:
        """The streams to poll."""

    def close(self) -> None:
        """Close the connections."""


class Puller:
    """Polls one connection until its lease ends: a `Worker` of the worker pool."""

    def __init__(
        self, context: Context, lease: Lease, make: Callable[[SourceContext], Source], *, pace: Pace | None = None
    ) -> None:
        self._context = context
        self._lease = lease
        self._make = make
        self._pace = pace or Pace()

    def run(self) -> None:
        """Poll until the lease ends.

        Raises:
            ProducerError, LeaseLostError: another process works for the connection.
            TooManyDeadLettersError: too many records about the source are undecodable.

        """
        name, settings = self._lease.name, self._context.settings
        try:
            self._await_topics()
            self._waiting(f"reading {settings.topics.checkpoints.name}")
            with closing(Reporter(self._context, name)) as reporter:
                self._context.health.done(f"memory of {name}")
                source_context = SourceContext(self._context, self._lease, reporter)
                source_context.status.recall(known_state(self._context, name))
                with closing(self._make(source_context)) as source:
                    self._poll(source_context, source.streams)
        except StoppedError:
            pass  # a wait ended because the service stops
        finally:
            self._context.health.done(f"memory of {name}")
            self._context.health.forget(f"pull {name}")
            self._context.health.remark(f"connection {name}", None)

    def _poll(self, source_context: SourceContext, streams: Sequence[Stream]) -> None:
        if interval := getattr(source_context.connection.spec, "poll_interval", None):
            POLL_INTERVAL.labels(source_context.name).set(interval.total_seconds())
        breaker = Breaker(self._context, source_context.name, source_context.status, self._pace)
        schedules = [Schedule(source_context.name, stream, breaker.circuit()) for stream in streams]
        if not schedules:
            text = "no type in spec.types is one that this vendor reports; add one, or leave spec.types out"
            _LOG.warning(text, connection=source_context.name)
        poll_request = PollRequest(
            source_context.status, source_context.policy, schedules, lambda: source_context.reporter.published
        )
        while True:
            poll_request.listen()
            schedule = min(schedules, key=lambda schedule: schedule.due, default=None)
            wait = schedule.due - time.monotonic() if schedule else _IDLE_S
            source_context.rest(wait, poll_request, patient=schedule is None or not schedule.may_hurry)
            if schedule and not poll_request.has_news:
                poll_request.took(schedule, well=schedule.take())
                self._lease.worked()

    def _await_topics(self) -> None:
        topics = self._context.settings.topics
        with closing(consumer(self._context.settings)) as reader:
            for topic in (topics.reports, topics.checkpoints, topics.holds, topics.connections):
                while len(reader.partitions_for_topic(topic.name) or ()) != topic.partitions:
                    self._waiting(
                        f"{topic.name} must exist with {topic.partitions} partitions; run: ioc-bridge topics apply"
                    )
                    if self._lease.stop.wait(1):
                        raise StoppedError(f"stopped while waiting for topics of {self._lease.name}")

    def _waiting(self, why: str) -> None:
        self._context.health.wait_for(f"memory of {self._lease.name}", why)
